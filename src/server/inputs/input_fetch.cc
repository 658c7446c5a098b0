#include "server/inputs/input_fetch.h"

#include <fmt/format.h>

#include "accel/engine.h"
#include "base/try.h"
#include "server/inputs/ip_address.h"

namespace accel::server {

Result<std::unique_ptr<InputFetcher>> InputFetcher::create(const HostRules& hosts,
                                                           std::string ca_file,
                                                           uint64_t bytes_max) {
  ACCEL_ASSIGN(auto callers,
               hub::HttpCallers::create({.user_agent = fmt::format("accel/{}", version()),
                                         .ca_file = std::move(ca_file),
                                         .answer_bytes_max = bytes_max,
                                         .proxies = false}));
  return std::unique_ptr<InputFetcher>(new InputFetcher(hosts, std::move(callers)));
}

Result<std::string> InputFetcher::fetch(const HttpUrl& url, uint64_t bytes_max,
                                        const std::function<Status()>& go_on) {
  std::string_view refused;
  hub::HttpCall call{.url = url.text(), .headers = {"Accept: image/*, audio/*, */*;q=0.1"}};
  call.may_connect = [&](const sockaddr& to) {
    const auto address = IpAddress::of(to);
    refused = address ? hosts_.refusal(url, *address) : "of an unknown kind";
    return refused.empty();
  };
  Result<hub::HttpAnswer> answer = callers_->call(call, go_on);
  if (!answer.ok() && answer.status().code() == StatusCode::kPermissionDenied) {
    return permission_denied(fmt::format(
        "{}: expected an address of the internet, or of the host's own network, found one {}; who "
        "runs this server can allow it: {}=ADDRESS/BITS in input_hosts",
        url.origin(), refused, url.host));
  }
  ACCEL_TRY(answer.status());
  if (answer->code / 100 == 3) {
    return failed_precondition(fmt::format(
        "{}: expected a file, found a redirect ({}), which is not followed; send the URL that it "
        "leads to",
        url.origin(), answer->code));
  }
  if (answer->code != 200) {
    return failed_precondition(
        fmt::format("{}: expected a file, found HTTP {}", url.origin(), answer->code));
  }
  if (answer->cut || answer->body.size() > bytes_max) {
    return resource_exhausted(
        fmt::format("{}: expected at most {} bytes, found more", url.origin(), bytes_max));
  }
  return std::move(answer->body);
}

}  // namespace accel::server
