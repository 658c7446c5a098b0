#include "server/inputs/host_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"

namespace accel::server {
namespace {

std::string_view without_spaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<HostRules::Rule> HostRules::parse_rule(std::string_view text) {
  Rule rule;
  const size_t equals = text.find('=');
  if (equals != std::string_view::npos) {
    rule.network = parse_ip_network(text.substr(equals + 1));
    if (!rule.network) {
      return invalid_argument(fmt::format(
          "expected an address or a network behind '=', as images.internal=10.0.0.0/8, found '{}'",
          text.substr(equals + 1)));
    }
    text = text.substr(0, equals);
  }
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos) {
    ACCEL_ASSIGN(rule.port, parse_port(text.substr(colon + 1)));
    text = text.substr(0, colon);
  }
  rule.below = text.starts_with('*');
  if (text == "*") return rule;
  if (rule.below && !text.starts_with("*.")) {
    return invalid_argument(fmt::format("expected '*' or '*.example.org', found '{}'", text));
  }
  ACCEL_ASSIGN(const HostName host, parse_host(rule.below ? text.substr(2) : text));
  if (rule.below && host.address) {
    return invalid_argument(fmt::format("expected a name behind '*.', found '{}'", host.name));
  }
  rule.host = rule.below ? "." + host.name : host.name;
  if (host.address && !rule.network) rule.network = IpNetwork{*parse_ip_address(host.name)};
  return rule;
}

Result<HostRules> HostRules::parse(std::string_view text) {
  HostRules rules;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view one = without_spaces(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (one.empty()) continue;
    Result<Rule> rule = parse_rule(one);
    if (!rule.ok()) return rule.status().with_context(one);
    rules.rules_.push_back(std::move(*rule));
  }
  return rules;
}

bool HostRules::Rule::fits(const HttpUrl& url) const {
  if (url.port != (port == 0 ? url.usual_port() : port)) return false;
  if (!below) return url.host == host;
  if (host.empty()) return true;
  return !url.address && url.host.size() > host.size() && url.host.ends_with(host);
}

bool HostRules::have(const HttpUrl& url) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) { return rule.fits(url); });
}

std::string_view HostRules::refusal(const HttpUrl& url, const IpAddress& address) const {
  std::string_view why = "of a host that is not allowed";
  for (const Rule& rule : rules_) {
    if (!rule.fits(url)) continue;
    if (!rule.network) {
      why = not_public(address);
    } else {
      why = rule.network->contains(address) ? "" : "of another network than its own";
    }
    if (why.empty()) return why;
  }
  return why;
}

}  // namespace accel::server
