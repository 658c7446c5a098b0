// Addresses of hosts, and which of them the whole internet shares. Pure.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accel::server {

// Of IPv4 or IPv6. One of IPv4 that is written as one of IPv6, ::ffff:192.0.2.1, is the same.
class IpAddress {
 public:
  // Nothing for another family.
  static std::optional<IpAddress> of(const sockaddr& address);
  explicit IpAddress(const std::array<uint8_t, 16>& bytes) : bytes_(bytes) {}

  bool is_v4() const;
  std::string text() const;  // "192.0.2.1", "2001:db8::1"
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<uint8_t, 16> bytes_;  // of IPv4 behind ::ffff:0:0/96
};

// "192.0.2.1", of four decimal numbers, or "2001:db8::1", without brackets and zone.
std::optional<IpAddress> parse_ip_address(std::string_view text);

// Addresses that begin alike.
struct IpNetwork {
  IpAddress first;
  int bits = 128;  // of IPv6

  bool contains(const IpAddress& address) const;
};

// "10.0.0.0/8", "fd00::/8", or an address alone. Bits behind the given ones are not looked at.
std::optional<IpNetwork> parse_ip_network(std::string_view text);

// What an address is that is not one of the internet: "of this machine", "of a private network";
// empty for one that is. From the registries of special-purpose addresses of RFC 6890. One of IPv4
// within NAT64's prefix, 64:ff9b::/96, counts as itself; other tunnels are not of the internet.
std::string_view not_public(const IpAddress& address);

}  // namespace accel::server
