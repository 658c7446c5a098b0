#include "tensors/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <string>
#include <utility>

#include "base/try.h"
#include "tensors/shown.h"

namespace accel::tensors {
namespace {

// As pickletools calls them.
enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8A,
  kLong4 = 0x8B,
  kBinFloat = 'G',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kShortBinUnicode = 0x8C,
  kBinUnicode8 = 0x8D,
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kBinBytes8 = 0x8E,
  kByteArray8 = 0x96,
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kList = 'l',
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kDict = 'd',
  kEmptySet = 0x8F,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kGlobal = 'c',
  kStackGlobal = 0x93,
  kReduce = 'R',
  kNewObject = 0x81,
  kBuild = 'b',
  kBinPersistentId = 'Q',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kBinGet = 'h',
  kLongBinGet = 'j',
  // Of protocols 0 and 1, which write numbers and texts as lines.
  kLineInt = 'I',
  kLineLong = 'L',
  kLineFloat = 'F',
  kLineString = 'S',
  kLineUnicode = 'V',
  kLinePut = 'p',
  kLineGet = 'g',
  kInstance = 'i',
  kProtocol = 0x80,
  kFrame = 0x95,
};

constexpr uint64_t kNewestProtocol = 5;

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
          const PickleLimits& limits)
      : bytes_(bytes.first(std::min(bytes.size(), limits.bytes_max))),
        cut_(bytes_.size() < bytes.size()),
        globals_(globals),
        limits_(limits) {}

  Result<Pickle> run();

 private:
  Status broken(std::string_view what) const {
    return {StatusCode::kDataLoss, fmt::format("pickle: {} (at byte {})", what, at_), at_};
  }
  Status too_much() const {
    return resource_exhausted(fmt::format("pickle: expected at most {} values in {} bytes, found "
                                          "more; it may be made to fill the memory",
                                          limits_.values_max, limits_.bytes_max));
  }

  // Of the input.
  Result<std::string_view> take(uint64_t count);
  Result<std::string_view> take_line();
  Result<uint64_t> number(size_t bytes);
  Result<uint64_t> number_line();
  Result<std::string_view> counted(size_t bytes);  // behind its length, a number of `bytes`

  // Of the stack.
  Status push(PickleId id);
  Status push_new(PickleValue value);
  Result<PickleId> pop();
  Result<PickleId> top() const;
  Result<std::vector<PickleId>> pop_to_mark();

  Status step(uint8_t opcode);
  Status protocol();
  Status integer(size_t bytes, bool is_signed);
  Status long_integer(size_t length_bytes);
  Status real();
  Status text(size_t length_bytes, PickleKind kind);
  Status mark();
  Status duplicate();
  Status pop_one();
  Status group(PickleKind kind, size_t count);
  Status group_to_mark(PickleKind kind);
  Status add(PickleKind kind, std::vector<PickleId> items);
  Status add_last(size_t count);
  Status add_to_mark(PickleKind kind);
  Status named_global(std::string_view module, std::string_view name);
  Status global();
  Status stack_global();
  Status call();
  Status build();
  Status persistent();
  Status text_line();
  Status put(uint64_t slot);
  Status put_at(size_t bytes);
  Status put_line();
  Status get(uint64_t slot);
  Status get_at(size_t bytes);
  Status get_line();

  const std::span<const std::byte> bytes_;
  const bool cut_;  // more bytes follow than a pickle may have
  const std::span<const std::string_view> globals_;
  const PickleLimits limits_;
  size_t at_ = 0;    // of the instruction
  size_t next_ = 0;  // unread
  size_t items_ = 0;
  Pickle pickle_;
  std::vector<PickleId> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::vector<PickleId> memo_;
};

constexpr PickleId kUnset = ~PickleId{0};

// --- the input -----------------------------------------------------------------------------------

Result<std::string_view> Machine::take(uint64_t count) {
  if (count > bytes_.size() - next_) {
    if (cut_) return too_much();
    return broken(
        fmt::format("expected {} bytes, found {}: it is truncated", count, bytes_.size() - next_));
  }
  const std::string_view taken(reinterpret_cast<const char*>(bytes_.data()) + next_, count);
  next_ += count;
  return taken;
}

Result<std::string_view> Machine::take_line() {
  constexpr size_t kLongest = 4096;
  const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + next_,
                              std::min(bytes_.size() - next_, kLongest));
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos) return broken("expected a line, found no end of it");
  next_ += end + 1;
  return rest.substr(0, end);
}

Result<uint64_t> Machine::number(size_t bytes) {
  ACCEL_ASSIGN(const std::string_view text, take(bytes));
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value |= uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  }
  return value;
}

Result<uint64_t> Machine::number_line() {
  ACCEL_ASSIGN(const std::string_view line, take_line());
  uint64_t value = 0;
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), value);
  if (parsed.ec == std::errc() && parsed.ptr == line.data() + line.size()) return value;
  return broken("expected a number and the end of its line");
}

Result<std::string_view> Machine::counted(size_t bytes) {
  ACCEL_ASSIGN(const uint64_t count, number(bytes));
  return take(count);
}

// --- the stack -----------------------------------------------------------------------------------

Status Machine::push(PickleId id) {
  if (stack_.size() == limits_.values_max) return too_much();
  stack_.push_back(id);
  return {};
}

Status Machine::push_new(PickleValue value) {
  items_ += value.items.size();
  if (std::max(pickle_.values.size(), items_ / 4) >= limits_.values_max) return too_much();
  pickle_.values.push_back(std::move(value));
  return push(static_cast<PickleId>(pickle_.values.size() - 1));
}

Result<PickleId> Machine::pop() {
  ACCEL_ASSIGN(const PickleId id, top());
  stack_.pop_back();
  return id;
}

Result<PickleId> Machine::top() const {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
    return broken("expected a value on the stack, found none");
  }
  return stack_.back();
}

Result<std::vector<PickleId>> Machine::pop_to_mark() {
  if (marks_.empty()) return broken("expected a mark on the stack, found none");
  const auto begin = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
  std::vector<PickleId> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

// --- instructions --------------------------------------------------------------------------------

Status Machine::protocol() {
  ACCEL_ASSIGN(const uint64_t version, number(1));
  if (version <= kNewestProtocol) return {};
  return unimplemented(fmt::format("pickle: protocol {} is not supported; expected at most {}",
                                   version, kNewestProtocol));
}

Status Machine::integer(size_t bytes, bool is_signed) {
  ACCEL_ASSIGN(const uint64_t value, number(bytes));
  auto integer = static_cast<int64_t>(value);
  if (is_signed) integer = static_cast<int32_t>(static_cast<uint32_t>(value));
  return push_new({.kind = PickleKind::kInt, .integer = integer});
}

Status Machine::long_integer(size_t length_bytes) {
  ACCEL_ASSIGN(const std::string_view digits, counted(length_bytes));
  if (digits.size() > sizeof(int64_t)) {
    return push_new({.kind = PickleKind::kBigInt, .text = digits});
  }
  const bool negative = !digits.empty() && (digits.back() & 0x80) != 0;
  uint64_t value = negative ? ~uint64_t{0} : 0;
  for (size_t i = digits.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(digits[i]);
  }
  return push_new({.kind = PickleKind::kInt, .integer = static_cast<int64_t>(value)});
}

Status Machine::real() {
  ACCEL_ASSIGN(const std::string_view text, take(sizeof(double)));
  uint64_t bits = 0;  // big endian, of all things
  for (const char byte : text) bits = bits << 8 | static_cast<unsigned char>(byte);
  return push_new({.kind = PickleKind::kFloat, .number = std::bit_cast<double>(bits)});
}

Status Machine::text(size_t length_bytes, PickleKind kind) {
  ACCEL_ASSIGN(const std::string_view text, counted(length_bytes));
  return push_new({.kind = kind, .text = text});
}

Status Machine::mark() {
  if (marks_.size() == limits_.values_max) return too_much();
  marks_.push_back(stack_.size());
  return {};
}

Status Machine::duplicate() {
  ACCEL_ASSIGN(const PickleId id, top());
  return push(id);
}

// Python pops a mark with POP, too.
Status Machine::pop_one() {
  if (!marks_.empty() && marks_.back() == stack_.size()) {
    marks_.pop_back();
    return {};
  }
  return pop().status();
}

Status Machine::group(PickleKind kind, size_t count) {
  std::vector<PickleId> items(count);
  for (size_t i = count; i-- > 0;) {
    ACCEL_ASSIGN(items[i], pop());
  }
  return push_new({.kind = kind, .items = std::move(items)});
}

Status Machine::group_to_mark(PickleKind kind) {
  ACCEL_ASSIGN(std::vector<PickleId> items, pop_to_mark());
  if (kind == PickleKind::kDict && items.size() % 2 != 0) {
    return broken("expected a value for each key of a dict, found one less");
  }
  return push_new({.kind = kind, .items = std::move(items)});
}

// Puts `items` into the container on top of the stack: pairs where `kind` is a dict.
Status Machine::add(PickleKind kind, std::vector<PickleId> items) {
  ACCEL_ASSIGN(const PickleId id, top());
  PickleValue& container = pickle_.values[id];
  const bool dict_like = kind == PickleKind::kDict && container.kind == PickleKind::kCall;
  if (container.kind != kind && !dict_like) {
    return broken("expected a container of the right kind below its elements");
  }
  if (kind == PickleKind::kDict && items.size() % 2 != 0) {
    return broken("expected a value for each key of a dict, found one less");
  }
  items_ += items.size();
  if (items_ / 4 >= limits_.values_max) return too_much();
  container.items.insert(container.items.end(), items.begin(), items.end());
  return {};
}

Status Machine::add_last(size_t count) {
  std::vector<PickleId> items(count);
  for (size_t i = count; i-- > 0;) {
    ACCEL_ASSIGN(items[i], pop());
  }
  return add(count == 2 ? PickleKind::kDict : PickleKind::kList, std::move(items));
}

Status Machine::add_to_mark(PickleKind kind) {
  ACCEL_ASSIGN(std::vector<PickleId> items, pop_to_mark());
  return add(kind, std::move(items));
}

Status Machine::named_global(std::string_view module, std::string_view name) {
  const auto known = std::ranges::find_if(globals_, [&](std::string_view global) {
    return global.size() == module.size() + 1 + name.size() && global.starts_with(module) &&
           global[module.size()] == '.' && global.ends_with(name);
  });
  if (known != globals_.end()) return push_new({.kind = PickleKind::kGlobal, .text = *known});
  return permission_denied(fmt::format(
      "pickle: it asks for {} (at byte {}), which is neither needed for tensors nor ever run here; "
      "if you trust the file, load it where it was made and save its tensors as safetensors",
      shown(fmt::format("{}.{}", module, name)), at_));
}

Status Machine::global() {
  ACCEL_ASSIGN(const std::string_view module, take_line());
  ACCEL_ASSIGN(const std::string_view name, take_line());
  return named_global(module, name);
}

Status Machine::stack_global() {
  ACCEL_ASSIGN(const PickleId name, pop());
  ACCEL_ASSIGN(const PickleId module, pop());
  const PickleValue& name_value = pickle_.values[name];
  const PickleValue& module_value = pickle_.values[module];
  if (name_value.kind != PickleKind::kText || module_value.kind != PickleKind::kText) {
    return broken("expected a module and a name as texts");
  }
  return named_global(module_value.text, name_value.text);
}

Status Machine::call() {
  ACCEL_ASSIGN(const PickleId arguments, pop());
  ACCEL_ASSIGN(const PickleId callee, pop());
  if (pickle_.values[arguments].kind != PickleKind::kTuple ||
      pickle_.values[callee].kind != PickleKind::kGlobal) {
    return broken("expected a name and a tuple of arguments");
  }
  return push_new({.kind = PickleKind::kCall, .items = {callee, arguments}});
}

// Sets an object's attributes. They are left out: of a state dict they are notes on versions.
Status Machine::build() {
  ACCEL_TRY(pop().status());
  return top().status();
}

Status Machine::persistent() { return group(PickleKind::kPersistent, 1); }

Status Machine::put(uint64_t slot) {
  ACCEL_ASSIGN(const PickleId id, top());
  if (slot >= limits_.values_max) return too_much();
  if (slot >= memo_.size()) memo_.resize(slot + 1, kUnset);
  memo_[slot] = id;
  return {};
}

Status Machine::put_at(size_t bytes) {
  ACCEL_ASSIGN(const uint64_t slot, number(bytes));
  return put(slot);
}

Status Machine::put_line() {
  ACCEL_ASSIGN(const uint64_t slot, number_line());
  return put(slot);
}

Status Machine::get(uint64_t slot) {
  if (slot >= memo_.size() || memo_[slot] == kUnset) {
    return broken(fmt::format("expected a value in slot {} of the memo, found none", slot));
  }
  return push(memo_[slot]);
}

Status Machine::get_at(size_t bytes) {
  ACCEL_ASSIGN(const uint64_t slot, number(bytes));
  return get(slot);
}

Status Machine::get_line() {
  ACCEL_ASSIGN(const uint64_t slot, number_line());
  return get(slot);
}

// As it stands in the file. No tensor is made of these: they are read to reach what is to be
// refused by name.
Status Machine::text_line() {
  ACCEL_ASSIGN(const std::string_view text, take_line());
  return push_new({.kind = PickleKind::kText, .text = text});
}

Status Machine::step(uint8_t opcode) {
  using Kind = PickleKind;
  switch (opcode) {
    case kProtocol: return protocol();
    case kFrame: return take(8).status();
    case kMark: return mark();
    case kPop: return pop_one();
    case kPopMark: return pop_to_mark().status();
    case kDup: return duplicate();
    case kNone: return push_new({});
    case kNewTrue: return push_new({.kind = Kind::kBool, .integer = 1});
    case kNewFalse: return push_new({.kind = Kind::kBool});
    case kBinInt: return integer(4, true);
    case kBinInt1: return integer(1, false);
    case kBinInt2: return integer(2, false);
    case kLong1: return long_integer(1);
    case kLong4: return long_integer(4);
    case kBinFloat: return real();
    case kShortBinString:  // of Python 2: its texts are bytes
    case kShortBinUnicode: return text(1, Kind::kText);
    case kBinString:
    case kBinUnicode: return text(4, Kind::kText);
    case kBinUnicode8: return text(8, Kind::kText);
    case kShortBinBytes: return text(1, Kind::kBytes);
    case kBinBytes: return text(4, Kind::kBytes);
    case kBinBytes8:
    case kByteArray8: return text(8, Kind::kBytes);
    case kEmptyList: return group(Kind::kList, 0);
    case kEmptyTuple: return group(Kind::kTuple, 0);
    case kEmptyDict: return group(Kind::kDict, 0);
    case kEmptySet: return group(Kind::kSet, 0);
    case kTuple1: return group(Kind::kTuple, 1);
    case kTuple2: return group(Kind::kTuple, 2);
    case kTuple3: return group(Kind::kTuple, 3);
    case kTuple: return group_to_mark(Kind::kTuple);
    case kList: return group_to_mark(Kind::kList);
    case kDict: return group_to_mark(Kind::kDict);
    case kFrozenSet: return group_to_mark(Kind::kSet);
    case kAppend: return add_last(1);
    case kSetItem: return add_last(2);
    case kAppends: return add_to_mark(Kind::kList);
    case kSetItems: return add_to_mark(Kind::kDict);
    case kAddItems: return add_to_mark(Kind::kSet);
    case kGlobal:
    case kInstance: return global();
    case kStackGlobal: return stack_global();
    case kReduce:
    case kNewObject: return call();
    case kBuild: return build();
    case kBinPersistentId: return persistent();
    case kBinPut: return put_at(1);
    case kLongBinPut: return put_at(4);
    case kMemoize: return put(memo_.size());
    case kBinGet: return get_at(1);
    case kLongBinGet: return get_at(4);
    case kLineInt:
    case kLineLong:
    case kLineFloat:
    case kLineString:
    case kLineUnicode: return text_line();
    case kLinePut: return put_line();
    case kLineGet: return get_line();
    default: break;
  }
  return unimplemented(fmt::format("pickle: the instruction 0x{:02x} at byte {} is not supported; "
                                   "expected protocol 2 or later, without instances of classes",
                                   opcode, at_));
}

Result<Pickle> Machine::run() {
  while (true) {
    at_ = next_;
    ACCEL_ASSIGN(const uint64_t opcode, number(1));
    if (opcode == kStop) break;
    ACCEL_TRY(step(static_cast<uint8_t>(opcode)));
  }
  ACCEL_ASSIGN(pickle_.root, pop());
  pickle_.size = next_;
  return std::move(pickle_);
}

}  // namespace

Result<Pickle> read_pickle(std::span<const std::byte> bytes,
                           std::span<const std::string_view> globals, const PickleLimits& limits) {
  return Machine(bytes, globals, limits).run();
}

}  // namespace accel::tensors
