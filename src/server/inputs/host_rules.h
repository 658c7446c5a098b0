// The hosts that inputs may come from: "example.org, *.example.net, images.internal=10.0.0.0/8".
//
//   HOST[:PORT][=ADDRESS[/BITS]]
//
// HOST is a name; *.NAME, all names below it; *, all; or an address, of IPv6 in brackets. Without
// PORT it is the scheme's own, 80 or 443. A host may have any address of the internet; one that is
// private, or of this machine, only where it is HOST itself, or lies in the network that stands
// behind "=", and then no other. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "server/inputs/input_url.h"
#include "server/inputs/ip_address.h"

namespace accel::server {

// Immutable; safe from any thread.
class HostRules {
 public:
  // Several stand behind commas; of an empty text there are none. INVALID_ARGUMENT.
  static Result<HostRules> parse(std::string_view text);

  bool empty() const { return rules_.empty(); }
  // Whether the host and port of a URL are among them.
  bool have(const HttpUrl& url) const;
  // Whether a connection to this address may be made for the URL; why not, as not_public(), or
  // "of another network than its own"; empty: it may.
  std::string_view refusal(const HttpUrl& url, const IpAddress& address) const;

 private:
  struct Rule {
    std::string host;    // of below: without "*", ".example.net"; empty: all
    bool below = false;  // names that end so
    uint16_t port = 0;   // 0: the scheme's own
    std::optional<IpNetwork> network;

    bool fits(const HttpUrl& url) const;
  };
  static Result<Rule> parse_rule(std::string_view text);
  std::vector<Rule> rules_;
};

}  // namespace accel::server
