#include "backends/faulty/fault_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/try.h"

namespace accel::backend {
namespace {

constexpr std::array kSteps{std::pair{std::string_view("compile"), Step::kCompile},
                            std::pair{std::string_view("import"), Step::kImport},
                            std::pair{std::string_view("session"), Step::kSession},
                            std::pair{std::string_view("run"), Step::kRun}};
constexpr std::array kKinds{std::pair{std::string_view("fail"), FaultKind::kFail},
                            std::pair{std::string_view("hang"), FaultKind::kHang},
                            std::pair{std::string_view("throw"), FaultKind::kThrow},
                            std::pair{std::string_view("unavailable"), FaultKind::kUnavailable},
                            std::pair{std::string_view("memory"), FaultKind::kMemory},
                            std::pair{std::string_view("nan"), FaultKind::kNan}};

template <class List>
auto value_of(const List& list, std::string_view word) -> std::optional<decltype(list[0].second)> {
  for (const auto& [name, value] : list) {
    if (name == word) return value;
  }
  return std::nullopt;
}

template <class List, class Value>
std::string_view name_in(const List& list, Value wanted) {
  return std::ranges::find_if(list, [&](const auto& entry) { return entry.second == wanted; })
      ->first;
}

Status malformed(std::string_view text) {
  return invalid_argument(fmt::format(
      "fault '{}': expected BACKEND:STEP=KIND, KIND/N for every Nth call or KIND@N for the Nth; "
      "steps: compile, import, session, run; kinds: fail, throw, unavailable, memory, hang, and of "
      "run nan",
      text));
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

Result<Fault> parse_fault(std::string_view text) {
  const size_t colon = text.find(':');
  const size_t equals = text.find('=');
  if (colon == std::string_view::npos || equals == std::string_view::npos || colon == 0 ||
      colon > equals) {
    return malformed(text);
  }
  Fault fault{.backend = std::string(text.substr(0, colon))};
  std::string_view kind = text.substr(equals + 1);
  if (const size_t mark = kind.find_first_of("/@"); mark != std::string_view::npos) {
    uint64_t& count = kind[mark] == '/' ? fault.every : fault.only;
    const std::string_view digits = kind.substr(mark + 1);
    const char* const end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, count);
    if (read.ec != std::errc() || read.ptr != end || count == 0) return malformed(text);
    kind = kind.substr(0, mark);
  }
  const auto step = value_of(kSteps, text.substr(colon + 1, equals - colon - 1));
  const auto known = value_of(kKinds, kind);
  if (!step || !known) return malformed(text);
  fault.step = *step;
  fault.kind = *known;
  if (fault.kind == FaultKind::kNan && fault.step != Step::kRun) return malformed(text);
  return fault;
}

}  // namespace

Result<std::vector<Fault>> parse_faults(std::string_view text) {
  std::vector<Fault> faults;
  if (trimmed(text).empty()) return faults;
  while (true) {
    const size_t comma = text.find(',');
    ACCEL_ASSIGN(Fault fault, parse_fault(trimmed(text.substr(0, comma))));
    faults.push_back(std::move(fault));
    if (comma == std::string_view::npos) return faults;
    text.remove_prefix(comma + 1);
  }
}

std::string to_text(const Fault& fault) {
  std::string text = fmt::format("{}:{}={}", fault.backend, name_in(kSteps, fault.step),
                                 name_in(kKinds, fault.kind));
  if (fault.only > 0) return fmt::format("{}@{}", text, fault.only);
  return fault.every > 1 ? fmt::format("{}/{}", text, fault.every) : text;
}

}  // namespace accel::backend
