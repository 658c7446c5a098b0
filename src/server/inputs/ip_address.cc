#include "server/inputs/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

namespace accel::server {
namespace {

constexpr int kAllBits = 128;
constexpr int kV4Begins = 96;  // bits
constexpr size_t kV4Byte = 12;
constexpr std::array<uint8_t, kV4Byte> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<uint8_t, kV4Byte> kNat64{0, 0x64, 0xff, 0x9b};

template <size_t n>
bool begins_with(const IpAddress& address, const std::array<uint8_t, n>& bytes) {
  return std::equal(bytes.begin(), bytes.end(), address.bytes().begin());
}

IpAddress mapped(const uint8_t* four) {
  std::array<uint8_t, 16> bytes{};
  std::ranges::copy(kMapped, bytes.begin());
  std::copy_n(four, 4, bytes.begin() + kV4Byte);
  return IpAddress(bytes);
}

struct SpecialNetwork {
  std::string_view network;
  std::string_view words;
};

constexpr std::string_view kThisMachine = "of this machine";
constexpr std::string_view kPrivate = "of a private network";
constexpr std::string_view kLocalLink = "of the local link, where clouds keep credentials";
constexpr std::string_view kMulticast = "of many hosts";
constexpr std::string_view kReserved = "that the internet does not use";

// The first that holds an address counts.
constexpr auto kSpecialNetworks = std::to_array<SpecialNetwork>({
    {"0.0.0.0/8", kThisMachine},   {"10.0.0.0/8", kPrivate},       {"100.64.0.0/10", kPrivate},
    {"127.0.0.0/8", kThisMachine}, {"169.254.0.0/16", kLocalLink}, {"172.16.0.0/12", kPrivate},
    {"192.0.0.0/24", kReserved},   {"192.0.2.0/24", kReserved},    {"192.88.99.0/24", kReserved},
    {"192.168.0.0/16", kPrivate},  {"198.18.0.0/15", kPrivate},    {"198.51.100.0/24", kReserved},
    {"203.0.113.0/24", kReserved}, {"224.0.0.0/4", kMulticast},    {"240.0.0.0/4", kReserved},
    {"::/127", kThisMachine},      {"fc00::/7", kPrivate},         {"fe80::/10", kLocalLink},
    {"fec0::/10", kPrivate},       {"ff00::/8", kMulticast},       {"2001::/23", kReserved},
    {"2001:db8::/32", kReserved},  {"2002::/16", kReserved},       {"3fff::/20", kReserved},
});

struct ParsedNetwork {
  IpNetwork network;
  std::string_view words;
};

const std::vector<ParsedNetwork>& special_networks() {
  static const std::vector<ParsedNetwork> kParsed = [] {
    std::vector<ParsedNetwork> parsed;
    for (const SpecialNetwork& row : kSpecialNetworks) {
      parsed.push_back({parse_ip_network(row.network).value(), row.words});
    }
    return parsed;
  }();
  return kParsed;
}

}  // namespace

std::optional<IpAddress> IpAddress::of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    return mapped(reinterpret_cast<const uint8_t*>(&four.sin_addr));
  }
  if (address.sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 six{};
  std::memcpy(&six, &address, sizeof six);
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
  return IpAddress(bytes);
}

bool IpAddress::is_v4() const { return begins_with(*this, kMapped); }

std::string IpAddress::text() const {
  char text[INET6_ADDRSTRLEN] = {};
  const bool four = is_v4();
  ::inet_ntop(four ? AF_INET : AF_INET6, bytes_.data() + (four ? kV4Byte : 0), text, sizeof text);
  return text;
}

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  std::array<uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) return mapped(bytes.data());
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return IpAddress(bytes);
  return std::nullopt;
}

bool IpNetwork::contains(const IpAddress& address) const {
  const auto whole = static_cast<size_t>(bits / 8);
  const auto& own = first.bytes();
  if (!std::equal(own.begin(), own.begin() + static_cast<ptrdiff_t>(whole),
                  address.bytes().begin())) {
    return false;
  }
  const int rest = bits % 8;
  return rest == 0 || ((own[whole] ^ address.bytes()[whole]) >> (8 - rest)) == 0;
}

std::optional<IpNetwork> parse_ip_network(std::string_view text) {
  const size_t slash = text.find('/');
  const auto first = parse_ip_address(text.substr(0, slash));
  if (!first) return std::nullopt;
  if (slash == std::string_view::npos) return IpNetwork{*first, kAllBits};
  const std::string_view digits = text.substr(slash + 1);
  const int before = first->is_v4() ? kV4Begins : 0;
  int bits = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, bits);
  if (error != std::errc() || rest != end || bits < 0 || bits > kAllBits - before) {
    return std::nullopt;
  }
  return IpNetwork{*first, before + bits};
}

std::string_view not_public(const IpAddress& address) {
  if (begins_with(address, kNat64)) return not_public(mapped(address.bytes().data() + kV4Byte));
  for (const ParsedNetwork& one : special_networks()) {
    if (one.network.contains(address)) return one.words;
  }
  const bool unicast = (address.bytes()[0] & 0xe0) == 0x20;  // 2000::/3
  return unicast || address.is_v4() ? "" : kReserved;
}

}  // namespace accel::server
