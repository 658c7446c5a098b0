#include "server/json/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>
#include <utility>

#include "base/small_float.h"
#include "base/try.h"
#include "base/utf8.h"
#include "server/json/json_number.h"
#include "server/json/json_place.h"

#define SIMDJSON_EXCEPTIONS 0  // it tells what went wrong by values only
#include <simdjson.h>

namespace accel::server {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr int kLevelsMax = 64;
constexpr size_t kPadding = 64;
static_assert(kPadding >= simdjson::SIMDJSON_PADDING);

std::string_view trimmed(std::string_view text) {
  const size_t last = text.find_last_not_of(" \t\n\r");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

// One text that is read, and the first error met. After it nothing more is asked of the parser,
// whose state is then undefined.
class Reading {
 public:
  explicit Reading(std::string& text) {
    if (text.capacity() - text.size() < kPadding) text.reserve(text.size() + kPadding);
    text_ = text;
    start_ = text_.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    capacity_ = text.capacity();
  }

  // Finds where values begin. The whole text is valid UTF-8 then, and its strings end.
  Status begin() {
    const simdjson::padded_string_view padded(text_.data() + start_, text_.size() - start_,
                                              capacity_ - start_);
    const simdjson::error_code error = parser_.iterate(padded).get(document_);
    return error == simdjson::SUCCESS ? Status() : fail(unreadable(error));
  }
  // To be asked once the root has been read.
  Status end() {
    const char* rest = nullptr;
    if (document_.current_location().get(rest) != simdjson::SUCCESS) return {};
    return trailing(offset_of(rest));
  }

  ondemand::document& document() { return document_; }
  std::string_view text() const { return text_; }
  uint64_t offset_of(const char* at) const { return static_cast<uint64_t>(at - text_.data()); }
  const Status& failure() const { return failure_; }

  // Remembers the first error: a reader that hides one leaves a value half read.
  Status fail(Status error) {
    if (failure_.ok()) failure_ = error;
    return error;
  }
  // Of the value at `place`, which begins at `offset`.
  Status refuse(const JsonPlace& place, std::string message, uint64_t offset,
                StatusCode code = StatusCode::kInvalidArgument) {
    std::string path = path_of(place);
    if (!path.empty()) path += ": ";
    return fail({code, path + std::move(message), offset});
  }
  Status malformed(const JsonPlace& place, uint64_t offset) {
    return refuse(place, fmt::format("expected valid JSON, found {}", found(offset)), offset);
  }
  Status trailing(uint64_t offset) {
    return refuse({}, fmt::format("expected nothing after the JSON value, found {}", found(offset)),
                  offset);
  }
  // What the parser says while it reads the value at `place`.
  Status broken(simdjson::error_code error, const JsonPlace& place) {
    if (error == simdjson::TAPE_ERROR) {
      const char* at = nullptr;
      const bool known = document_.current_location().get(at) == simdjson::SUCCESS;
      return malformed(place, known ? offset_of(at) : text_.size());
    }
    if (error == simdjson::INCOMPLETE_ARRAY_OR_OBJECT) {
      const size_t last = trimmed(text_).size() - 1;
      const size_t first = text_.find_first_not_of(" \t\n\r", start_);
      const std::string_view closing = text_[first] == '[' ? "]" : "}";
      const bool closed = text_.substr(last, 1) == closing;
      return refuse(place,
                    fmt::format("expected valid JSON, which ends with '{}' as it begins with '{}'; "
                                "found {}",
                                closing, text_[first], found(closed ? text_.size() : last)),
                    closed ? text_.size() : last);
    }
    return fail(internal_error(
        fmt::format("reading JSON: unexpected error \"{}\"", simdjson::error_message(error))));
  }

 private:
  Status unreadable(simdjson::error_code error) const;

  std::string found(uint64_t offset) const {
    if (offset >= text_.size()) return fmt::format("its end at byte {}", text_.size());
    const char c = text_[offset];
    if (c > ' ' && c <= '~') return fmt::format("'{}' at byte {}", c, offset);
    return fmt::format("0x{:02X} at byte {}", static_cast<unsigned char>(c), offset);
  }

  std::string_view text_;
  size_t start_ = 0;  // where JSON begins: after a byte order mark
  size_t capacity_ = 0;
  ondemand::parser parser_;
  ondemand::document document_;
  Status failure_;
};

Status Reading::unreadable(simdjson::error_code error) const {
  const auto invalid = [](std::string message, uint64_t offset) {
    return Status(StatusCode::kInvalidArgument, std::move(message), offset);
  };
  if (error == simdjson::CAPACITY) {
    return resource_exhausted(
        fmt::format("expected JSON of less than 4 GiB, found {} bytes", text_.size()));
  }
  if (error == simdjson::MEMALLOC) {
    return resource_exhausted(
        fmt::format("expected memory to read {} bytes of JSON, found none left", text_.size()));
  }
  if (error == simdjson::EMPTY) return invalid("expected a JSON value, found an empty body", 0);
  if (const size_t at = find_invalid_utf8(text_); at != std::string_view::npos) {
    return invalid(fmt::format("expected UTF-8, found an invalid sequence at byte {}", at), at);
  }
  if (error == simdjson::UNCLOSED_STRING || error == simdjson::UNESCAPED_CHARS) {
    const size_t at = find_broken_string(text_);
    if (text_.substr(at, 1) == "\"") {
      return invalid(
          fmt::format("expected valid JSON, found a string without an end at byte {}", at), at);
    }
    return invalid(fmt::format("expected control characters in strings to be escaped (\\u00XX), "
                               "found {}",
                               found(at)),
                   at);
  }
  return internal_error(
      fmt::format("reading JSON: unexpected error \"{}\"", simdjson::error_message(error)));
}

std::string clipped_number(std::string_view number) {
  constexpr size_t kMaxBytes = 40;
  return fmt::format("{}{}", number.substr(0, kMaxBytes), number.size() > kMaxBytes ? "..." : "");
}

std::string range_of_floating(DType dtype) {
  return fmt::format("a number that {} can hold", to_string(dtype));
}

class OnDemandValue final : public JsonValue {
 public:
  OnDemandValue(Reading& reading, const JsonPlace& place)
      : reading_(reading), place_(place), root_(true) {}
  // `level`: how many arrays and objects it is in.
  OnDemandValue(Reading& reading, const JsonPlace& place, const ondemand::value& value, int level)
      : reading_(reading), place_(place), value_(value), level_(level) {}

  // Called first: looks at what the value is. Numbers, true, false and null are valid then.
  Status open();
  // Called last: what nobody has read is skipped.
  Status close() { return taken_ ? reading_.failure() : skip(); }

  std::string_view token() const { return token_; }  // all of a number; else the beginning
  const JsonPlace& place() const { return place_; }
  int level() const { return level_; }
  Status get_array(ondemand::array& array);
  Status out_of_range(std::string_view wanted) {
    return refuse(fmt::format("expected {}, found {}", wanted, clipped_number(token_)));
  }
  Status refuse(std::string message, StatusCode code = StatusCode::kInvalidArgument) {
    return reading_.refuse(place_, std::move(message), reading_.offset_of(token_.data()), code);
  }

  JsonKind kind() override { return kind_; }
  Status read(bool& value) override;
  Status read(int64_t& value) override { return read_integer(value); }
  Status read(uint64_t& value) override { return read_integer(value); }
  Status read(double& value) override;
  Status read(std::string& value) override;
  Status elements(const ElementReader& reader) override;
  Status members(const MemberReader& reader) override;
  Status skip() override;
  Status append_numbers(DType dtype, uint64_t count_max, std::string& bytes,
                        std::vector<int64_t>* shape) override;
  Status raw(std::string& text) override;

 private:
  Status take();
  Status take(JsonKind kind, std::string_view wanted);
  template <class T>
  Status read_integer(T& value);
  Status get_object(ondemand::object& object);
  Status get_string(std::string_view& text);
  Status read_child(OnDemandValue& child, const ElementReader& reader);

  Reading& reading_;
  const JsonPlace& place_;
  ondemand::value value_;  // not of the root, which is the document
  int level_ = 0;
  bool root_ = false;
  bool taken_ = false;
  JsonKind kind_ = JsonKind::kNull;
  std::string_view token_;
};

Status OnDemandValue::open() {
  const std::string_view raw_token =
      root_ ? reading_.document().raw_json_token().value_unsafe() : value_.raw_json_token();
  token_ = trimmed(raw_token);
  const auto literal = [&](JsonKind kind, std::string_view text) {
    kind_ = kind;
    return token_ == text;
  };
  bool valid = false;
  switch (raw_token.front()) {
    case '{': valid = literal(JsonKind::kObject, "{"); break;
    case '[': valid = literal(JsonKind::kArray, "["); break;
    case '"': valid = literal(JsonKind::kString, token_); break;
    case 't': valid = literal(JsonKind::kBool, "true"); break;
    case 'f': valid = literal(JsonKind::kBool, "false"); break;
    case 'n': valid = literal(JsonKind::kNull, "null"); break;
    default: kind_ = JsonKind::kNumber; valid = is_json_number(token_);
  }
  if (!valid) return reading_.malformed(place_, reading_.offset_of(raw_token.data()));
  const bool nested = kind_ == JsonKind::kObject || kind_ == JsonKind::kArray;
  if (nested && level_ == kLevelsMax) {
    return refuse(fmt::format("expected JSON at most {} levels deep, found more", kLevelsMax));
  }
  // Nobody comes to the end of a root that is one token.
  const uint64_t end = reading_.offset_of(raw_token.data() + raw_token.size());
  if (root_ && !nested && end < reading_.text().size()) return reading_.trailing(end);
  return {};
}

Status OnDemandValue::take() {
  if (!std::exchange(taken_, true)) return {};
  return reading_.fail(
      internal_error(fmt::format("reading JSON: the value at byte {} was to be read twice",
                                 reading_.offset_of(token_.data()))));
}

Status OnDemandValue::take(JsonKind kind, std::string_view wanted) {
  ACCEL_TRY(take());
  if (kind_ == kind) return {};
  return refuse(fmt::format("expected {}, found {}", wanted, to_string(kind_)));
}

Status OnDemandValue::get_array(ondemand::array& array) {
  const simdjson::error_code error =
      root_ ? reading_.document().get_array().get(array) : value_.get_array().get(array);
  return error == simdjson::SUCCESS ? Status() : reading_.broken(error, place_);
}

Status OnDemandValue::get_object(ondemand::object& object) {
  const simdjson::error_code error =
      root_ ? reading_.document().get_object().get(object) : value_.get_object().get(object);
  return error == simdjson::SUCCESS ? Status() : reading_.broken(error, place_);
}

Status OnDemandValue::get_string(std::string_view& text) {
  const simdjson::error_code error =
      root_ ? reading_.document().get_string().get(text) : value_.get_string().get(text);
  if (error == simdjson::SUCCESS) return {};
  return refuse(fmt::format("expected valid JSON, found a string with an invalid escape at byte {}",
                            reading_.offset_of(token_.data())));
}

Status OnDemandValue::read(bool& value) {
  ACCEL_TRY(take(JsonKind::kBool, to_string(JsonKind::kBool)));
  value = token_ == "true";
  return {};
}

template <class T>
Status OnDemandValue::read_integer(T& value) {
  ACCEL_TRY(take(JsonKind::kNumber, "an integer"));
  if (convert_number(token_, value)) return {};
  return out_of_range(fmt::format("an integer from {} to {}", std::numeric_limits<T>::min(),
                                  std::numeric_limits<T>::max()));
}

Status OnDemandValue::read(double& value) {
  ACCEL_TRY(take(JsonKind::kNumber, to_string(JsonKind::kNumber)));
  return convert_number(token_, value) ? Status() : out_of_range(range_of_floating(DType::kF64));
}

Status OnDemandValue::read(std::string& value) {
  ACCEL_TRY(take(JsonKind::kString, to_string(JsonKind::kString)));
  std::string_view text;
  ACCEL_TRY(get_string(text));
  value.assign(text);
  return {};
}

Status OnDemandValue::read_child(OnDemandValue& child, const ElementReader& reader) {
  ACCEL_TRY(child.open());
  if (Status error = reader(child); !error.ok()) return reading_.fail(std::move(error));
  return child.close();
}

Status OnDemandValue::elements(const ElementReader& reader) {
  ACCEL_TRY(take(JsonKind::kArray, to_string(JsonKind::kArray)));
  ondemand::array array;
  ACCEL_TRY(get_array(array));
  JsonPlace place{&place_, {}, 0};
  for (auto element : array) {
    ondemand::value value;
    if (const auto error = std::move(element).get(value)) return reading_.broken(error, place);
    OnDemandValue child(reading_, place, value, level_ + 1);
    ACCEL_TRY(read_child(child, reader));
    ++place.index;
  }
  return {};
}

Status OnDemandValue::members(const MemberReader& reader) {
  ACCEL_TRY(take(JsonKind::kObject, to_string(JsonKind::kObject)));
  ondemand::object object;
  ACCEL_TRY(get_object(object));
  for (auto member : object) {
    ondemand::field field;
    if (const auto error = std::move(member).get(field)) return reading_.broken(error, place_);
    const char* const name_at = field.key().raw() - 1;
    JsonPlace place{&place_};
    if (field.unescaped_key().get(place.name) != simdjson::SUCCESS) {
      const uint64_t offset = reading_.offset_of(name_at);
      return reading_.refuse(
          place_,
          fmt::format("expected valid JSON, found a name with an invalid escape at byte {}",
                      offset),
          offset);
    }
    OnDemandValue child(reading_, place, field.value(), level_ + 1);
    ACCEL_TRY(read_child(child, [&](JsonValue& value) { return reader(place.name, value); }));
  }
  return {};
}

// Walks through all of it: the parser's own skipping only counts brackets.
Status OnDemandValue::skip() {
  switch (kind_) {
    case JsonKind::kArray: return elements([](JsonValue& value) { return value.skip(); });
    case JsonKind::kObject:
      return members([](std::string_view, JsonValue& value) { return value.skip(); });
    case JsonKind::kString: {
      ACCEL_TRY(take());
      std::string_view text;
      return get_string(text);
    }
    default: return take();
  }
}

Status OnDemandValue::raw(std::string& text) {
  ACCEL_TRY(skip());
  std::string_view own = token_;
  if (kind_ == JsonKind::kArray || kind_ == JsonKind::kObject) {
    own = reading_.text().substr(reading_.offset_of(token_.data()));
    const char* next = nullptr;
    if (reading_.document().current_location().get(next) == simdjson::SUCCESS) {
      own = own.substr(0, static_cast<size_t>(next - own.data()));
    }
    own = trimmed(own);
  }
  text.assign(own);
  return {};
}

// --- arrays of numbers ---

// How an element becomes one of a tensor: `quick` with the parser's own conversion, or else `exact`
// from the text, which a number is or true or false. Both are false for what does not fit.
template <class T>
struct IntegerElement {
  using Storage = T;
  static bool quick(ondemand::value& value, T& number) {
    std::conditional_t<std::is_unsigned_v<T> && sizeof(T) == 8, uint64_t, int64_t> wide = 0;
    if (value.get(wide) != simdjson::SUCCESS || !std::in_range<T>(wide)) return false;
    number = static_cast<T>(wide);
    return true;
  }
  static bool exact(std::string_view text, T& number) { return convert_number(text, number); }
  static std::string range(DType) {
    return fmt::format("an integer from {} to {}", std::numeric_limits<T>::min(),
                       std::numeric_limits<T>::max());
  }
};

struct BoolElement {
  using Storage = uint8_t;
  static bool quick(ondemand::value& value, uint8_t& number) {
    bool truth = false;
    if (value.get(truth) != simdjson::SUCCESS) return false;
    number = truth ? 1 : 0;
    return true;
  }
  static bool exact(std::string_view text, uint8_t& number) {
    if (text == "true" || text == "false") {
      number = text == "true" ? 1 : 0;
      return true;
    }
    return convert_number(text, number) && number <= 1;
  }
  static std::string range(DType) { return "true, false, 0 or 1"; }
};

// As a rule: up to simdjson 3.6.2 its own conversion is wrong where more than 19 digits follow "0."
// (simdjson's issue 2093).
bool get_double(ondemand::value& value, double& number) {
  constexpr size_t kBytesMax = 21;
  const std::string_view text = value.raw_json_token();
  if (text.size() > kBytesMax && (text.starts_with('0') || text.starts_with("-0"))) return false;
  return value.get(number) == simdjson::SUCCESS;
}

struct DoubleElement {
  using Storage = double;
  static bool quick(ondemand::value& value, double& number) { return get_double(value, number); }
  static bool exact(std::string_view text, double& number) { return convert_number(text, number); }
  static std::string range(DType dtype) { return range_of_floating(dtype); }
};

struct FloatElement {
  using Storage = float;
  static bool quick(ondemand::value& value, float& number) {
    double wide = 0;
    if (!get_double(value, wide)) return false;
    number = static_cast<float>(wide);
    // A double halfway between two floats may itself have been rounded there. Normal ones show it
    // by the bits that a float lacks.
    constexpr uint64_t kLost = (uint64_t{1} << 29) - 1;
    const bool halfway = (std::bit_cast<uint64_t>(wide) & kLost) == (kLost >> 1) + 1;
    const double magnitude = std::fabs(wide);
    const bool normal = magnitude >= FLT_MIN && magnitude <= FLT_MAX;
    return (normal && !halfway) || magnitude == 0;
  }
  static bool exact(std::string_view text, float& number) { return convert_number(text, number); }
  static std::string range(DType dtype) { return range_of_floating(dtype); }
};

template <class Format>
struct NarrowElement {
  using Storage = typename Format::Storage;
  static bool quick(ondemand::value& value, Storage& number) {
    double wide = 0;
    return get_double(value, wide) && encode(wide, number);
  }
  static bool exact(std::string_view text, Storage& number) {
    double wide = 0;
    return convert_number(text, wide) && encode(wide, number);
  }
  static std::string range(DType dtype) { return range_of_floating(dtype); }
  static bool encode(double wide, Storage& number) {
    number = Format::encode(wide);
    return (number & Format::kMagnitude) < Format::kOverflow;
  }
};

// What append_numbers was asked for, and what its arrays look like so far.
struct NumberRun {
  DType dtype;
  uint64_t count_max;
  std::string& bytes;
  bool shaped;  // all must be nested alike
  uint64_t count = 0;
  int number_depth = -1;  // in how many arrays of the outermost one numbers are; -1: unknown
  // Of the first array of each depth that has been read; -1: unknown, as always the last: arrays
  // are not as deep.
  std::array<int64_t, kLevelsMax + 1> lengths;

  Status begin_number(OnDemandValue& number, int depth);
  Status begin_array(OnDemandValue& array, int depth) const;
  Status end_array(OnDemandValue& array, int depth, int64_t length);
};

Status NumberRun::begin_number(OnDemandValue& number, int depth) {
  if (!shaped || number_depth == depth) return {};
  if (number_depth < 0 && lengths.at(static_cast<size_t>(depth) + 1) < 0) {
    number_depth = depth;
    return {};
  }
  return number.refuse("expected an array, as before it, found a number");
}

Status NumberRun::begin_array(OnDemandValue& array, int depth) const {
  if (!shaped || number_depth < 0 || depth <= number_depth) return {};
  return array.refuse("expected a number, as before it, found an array");
}

Status NumberRun::end_array(OnDemandValue& array, int depth, int64_t length) {
  int64_t& known = lengths.at(static_cast<size_t>(depth));
  if (known < 0) known = length;
  if (!shaped || known == length) return {};
  return array.refuse(
      fmt::format("expected {} elements, as in the array before it, found {}", known, length));
}

template <class Element>
class NumberReader {
 public:
  NumberReader(Reading& reading, OnDemandValue& outermost, NumberRun& run)
      : reading_(reading), outermost_(outermost), run_(run) {}

  Status read() {
    ACCEL_TRY(read(outermost_, 0));
    return flush();
  }

 private:
  using Storage = typename Element::Storage;

  Status read(OnDemandValue& owner, int depth);
  // What is not quick to read: the first element, another array, what takes longer, and errors.
  Status read_slowly(OnDemandValue& element, int depth, bool& numbers);

  Status push(Storage number) {
    block_[filled_++] = number;
    return filled_ == block_.size() ? flush() : Status();
  }
  Status flush() {
    run_.count += filled_;
    if (run_.count > run_.count_max) {
      return outermost_.refuse(
          fmt::format("expected at most {} numbers, found more", run_.count_max),
          StatusCode::kResourceExhausted);
    }
    run_.bytes.append(reinterpret_cast<const char*>(block_.data()), filled_ * sizeof(Storage));
    filled_ = 0;
    return {};
  }

  Reading& reading_;
  OnDemandValue& outermost_;
  NumberRun& run_;
  std::array<Storage, 512> block_;
  size_t filled_ = 0;
};

template <class Element>
Status NumberReader<Element>::read(OnDemandValue& owner, int depth) {
  ondemand::array array;
  ACCEL_TRY(owner.get_array(array));
  JsonPlace place{&owner.place(), {}, 0};
  bool numbers = false;  // are known to stand here
  for (auto element : array) {
    ondemand::value value;
    if (const auto error = std::move(element).get(value)) return reading_.broken(error, place);
    Storage number;
    if (numbers && Element::quick(value, number)) {
      ACCEL_TRY(push(number));
    } else {
      OnDemandValue child(reading_, place, value, owner.level() + 1);
      ACCEL_TRY(read_slowly(child, depth, numbers));
    }
    ++place.index;
  }
  return run_.end_array(owner, depth, place.index);
}

template <class Element>
Status NumberReader<Element>::read_slowly(OnDemandValue& element, int depth, bool& numbers) {
  ACCEL_TRY(element.open());
  if (element.kind() == JsonKind::kArray) {
    ACCEL_TRY(run_.begin_array(element, depth + 1));
    return read(element, depth + 1);
  }
  const bool truth = run_.dtype == DType::kBool;
  if (element.kind() != JsonKind::kNumber && !(truth && element.kind() == JsonKind::kBool)) {
    return element.refuse(fmt::format("expected {}, found {}",
                                      truth ? Element::range(run_.dtype) : "a number",
                                      to_string(element.kind())));
  }
  ACCEL_TRY(run_.begin_number(element, depth));
  numbers = true;
  Storage number;
  if (!Element::exact(element.token(), number)) {
    return element.out_of_range(Element::range(run_.dtype));
  }
  return push(number);
}

Status read_numbers(Reading& reading, OnDemandValue& outermost, NumberRun& run) {
  const auto as = [&]<class Element>(Element) {
    return NumberReader<Element>(reading, outermost, run).read();
  };
  switch (run.dtype) {
    case DType::kBool: return as(BoolElement{});
    case DType::kU8: return as(IntegerElement<uint8_t>{});
    case DType::kI8: return as(IntegerElement<int8_t>{});
    case DType::kU16: return as(IntegerElement<uint16_t>{});
    case DType::kI16: return as(IntegerElement<int16_t>{});
    case DType::kU32: return as(IntegerElement<uint32_t>{});
    case DType::kI32: return as(IntegerElement<int32_t>{});
    case DType::kU64: return as(IntegerElement<uint64_t>{});
    case DType::kI64: return as(IntegerElement<int64_t>{});
    case DType::kF8E4M3: return as(NarrowElement<F8E4M3>{});
    case DType::kF8E5M2: return as(NarrowElement<F8E5M2>{});
    case DType::kF16: return as(NarrowElement<F16>{});
    case DType::kBF16: return as(NarrowElement<BF16>{});
    case DType::kF32: return as(FloatElement{});
    case DType::kF64: return as(DoubleElement{});
  }
  return reading.fail(internal_error("reading JSON: numbers of an unknown dtype"));
}

Status OnDemandValue::append_numbers(DType dtype, uint64_t count_max, std::string& bytes,
                                     std::vector<int64_t>* shape) {
  ACCEL_TRY(take(JsonKind::kArray, to_string(JsonKind::kArray)));
  NumberRun run{dtype, count_max, bytes, shape != nullptr};
  run.lengths.fill(-1);
  ACCEL_TRY(read_numbers(reading_, *this, run));
  if (shape != nullptr) shape->assign(run.lengths.begin(), std::ranges::find(run.lengths, -1));
  return {};
}

}  // namespace

std::string_view to_string(JsonKind kind) {
  switch (kind) {
    case JsonKind::kNull: return "null";
    case JsonKind::kBool: return "true or false";
    case JsonKind::kNumber: return "a number";
    case JsonKind::kString: return "a string";
    case JsonKind::kArray: return "an array";
    case JsonKind::kObject: return "an object";
  }
  return "a value";
}

Status JsonValue::read(std::vector<std::string>& values) {
  values.clear();
  return elements([&](JsonValue& value) { return value.read(values.emplace_back()); });
}

Status JsonValue::read(std::vector<int64_t>& values) {
  values.clear();
  return elements([&](JsonValue& value) { return value.read(values.emplace_back()); });
}

Status read_json(std::string& text, const JsonValue::ElementReader& reader) {
  Reading reading(text);
  ACCEL_TRY(reading.begin());
  const JsonPlace place;
  OnDemandValue root(reading, place);
  ACCEL_TRY(root.open());
  const bool nested = root.kind() == JsonKind::kArray || root.kind() == JsonKind::kObject;
  if (Status error = reader(root); !error.ok()) return reading.fail(std::move(error));
  ACCEL_TRY(root.close());
  return nested ? reading.end() : Status();
}

}  // namespace accel::server
