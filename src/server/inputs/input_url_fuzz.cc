// Random bytes as a URL, and as rules of hosts in its first line. What is read says the same when
// it is written and read again, and holds nothing that another reader would read otherwise.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/inputs/host_rules.h"
#include "server/inputs/input_url.h"
#include "server/inputs/ip_address.h"

namespace accel::server {
namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void read_http(const std::string& text, const HostRules* rules) {
  const auto url = parse_http_url(text);
  if (!url.ok()) return;
  expect(url->text().find_first_of(" \\#\r\n") == std::string::npos && url->port > 0);
  expect(url->host.find_first_of("@/?%") == std::string::npos);
  const auto again = parse_http_url(url->text());
  expect(again.ok() || url->text().size() > kInputUrlBytesMax);
  if (again.ok()) expect(again->text() == url->text() && again->host == url->host);
  expect(!url->address || parse_ip_address(url->host).has_value());
  if (rules == nullptr) return;
  const auto loopback = *parse_ip_address("127.0.0.1");
  const std::string_view refusal = rules->refusal(*url, loopback);
  expect(rules->have(*url) || !refusal.empty());
}

void read_all(const std::string& text) {
  const size_t line = text.find('\n');
  const auto rules = HostRules::parse(text.substr(0, line));
  const std::string url = line == std::string::npos ? text : text.substr(line + 1);
  read_http(url, rules.ok() ? &*rules : nullptr);
  const auto bytes = bytes_of_data_url(url);
  if (bytes.ok()) expect(bytes->size() < url.size());
  const auto path = path_of_file_url(url);
  if (path.ok()) expect(path->starts_with('/') && path->find('\0') == std::string::npos);
  if (const auto network = parse_ip_network(url)) expect(network->contains(network->first));
}

}  // namespace
}  // namespace accel::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  accel::server::read_all({reinterpret_cast<const char*>(data), size});
  return 0;
}
