#include "server/json/json_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "base/float_text.h"
#include "base/small_float.h"
#include "base/utf8.h"

namespace accel::server {
namespace {

// No value that put() writes is longer, with a comma: a double takes 24 characters.
constexpr size_t kElementBytesMax = 32;
constexpr size_t kBlockElements = 256;

template <class T>
char* put(char* to, T number) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(number)) return std::ranges::copy(std::string_view("null"), to).out;
    return put_float(to, number);
  } else {
    return std::to_chars(to, to + kElementBytesMax, number).ptr;
  }
}
char* put(char* to, bool value) {
  return std::ranges::copy(std::string_view(value ? "true" : "false"), to).out;
}

template <class T>
void append(std::string& out, T value) {
  char text[kElementBytesMax];
  out.append(text, put(text, value));
}

// The elements `first` to `last`, without it, with commas between them. `at(i)` is one of them.
template <class At>
void append_row(std::string& out, size_t first, size_t last, const At& at) {
  for (size_t i = first; i < last;) {
    const size_t size = out.size();
    const size_t stop = std::min(i + kBlockElements, last);
    out.resize(size + (stop - i) * kElementBytesMax);
    char* to = out.data() + size;
    for (; i < stop; ++i) {
      to = put(to, at(i));
      *to++ = ',';
    }
    out.resize(static_cast<size_t>(to - out.data()));
  }
  if (first < last) out.pop_back();
}

// Nested arrays of `shape` from the element `next` on, which moves behind them.
template <class At>
void append_nested(std::string& out, std::span<const int64_t> shape, size_t& next, const At& at) {
  if (shape.empty()) return append(out, at(next++));
  const auto length = static_cast<size_t>(shape.front());
  out += '[';
  if (shape.size() == 1) {
    append_row(out, next, next + length, at);
    next += length;
  } else {
    for (size_t i = 0; i < length; ++i) {
      if (i > 0) out += ',';
      append_nested(out, shape.subspan(1), next, at);
    }
  }
  out += ']';
}

template <class T, class Body>
void visit_as(const Tensor& tensor, Body&& body) {
  body([data = tensor.data<T>()](size_t i) { return data[i]; });
}

// As the float that it is.
template <class Format, class Body>
void visit_narrow(const Tensor& tensor, Body&& body) {
  body([data = tensor.data<typename Format::Storage>()](size_t i) {
    return static_cast<float>(Format::decode(data[i]));
  });
}

// Calls `body` with what gives the element of an index.
template <class Body>
void visit_elements(const Tensor& tensor, Body&& body) {
  switch (tensor.dtype()) {
    case DType::kBool:
      return body([data = tensor.data<uint8_t>()](size_t i) { return data[i] != 0; });
    case DType::kU8: return visit_as<uint8_t>(tensor, body);
    case DType::kI8: return visit_as<int8_t>(tensor, body);
    case DType::kU16: return visit_as<uint16_t>(tensor, body);
    case DType::kI16: return visit_as<int16_t>(tensor, body);
    case DType::kU32: return visit_as<uint32_t>(tensor, body);
    case DType::kI32: return visit_as<int32_t>(tensor, body);
    case DType::kU64: return visit_as<uint64_t>(tensor, body);
    case DType::kI64: return visit_as<int64_t>(tensor, body);
    case DType::kF8E4M3: return visit_narrow<F8E4M3>(tensor, body);
    case DType::kF8E5M2: return visit_narrow<F8E5M2>(tensor, body);
    case DType::kF16: return visit_narrow<F16>(tensor, body);
    case DType::kBF16: return visit_narrow<BF16>(tensor, body);
    case DType::kF32: return visit_as<float>(tensor, body);
    case DType::kF64: return visit_as<double>(tensor, body);
  }
}

// The escape of a character that may not stand in a string as it is.
void append_escape(std::string& out, char c) {
  constexpr std::string_view kCharacters = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  if (const size_t known = kCharacters.find(c); known != std::string_view::npos) {
    out += '\\';
    out += kLetters[known];
  } else {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
  }
}

void append_quoted(std::string& out, std::string_view text) {
  if (find_invalid_utf8(text) != std::string_view::npos) {
    return append_quoted(out, repair_utf8(text).text);
  }
  out += '"';
  size_t written = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, written, i - written);
    append_escape(out, c);
    written = i + 1;
  }
  out.append(text, written);
  out += '"';
}

}  // namespace

void JsonWriter::before_value() {
  if (comma_) out_ += ',';
  comma_ = true;
}

void JsonWriter::open(char bracket) {
  before_value();
  out_ += bracket;
  comma_ = false;
}

void JsonWriter::close(char bracket) {
  out_ += bracket;
  comma_ = true;
}

void JsonWriter::name(std::string_view name) {
  before_value();
  append_quoted(out_, name);
  out_ += ':';
  comma_ = false;
}

void JsonWriter::value(std::string_view text) {
  before_value();
  append_quoted(out_, text);
}

void JsonWriter::value(double number) {
  before_value();
  append(out_, number);
}

void JsonWriter::value(float number) {
  before_value();
  append(out_, number);
}

void JsonWriter::boolean(bool value) {
  before_value();
  append(out_, value);
}

void JsonWriter::integer(int64_t value) {
  before_value();
  append(out_, value);
}

void JsonWriter::natural(uint64_t value) {
  before_value();
  append(out_, value);
}

void JsonWriter::null() { raw("null"); }

void JsonWriter::value(std::span<const std::string> texts) {
  array([&] {
    for (const std::string& text : texts) value(text);
  });
}

void JsonWriter::numbers(std::span<const float> numbers) {
  array([&] { append_row(out_, 0, numbers.size(), [&](size_t i) { return numbers[i]; }); });
}

void JsonWriter::tensor(const Tensor& tensor) {
  before_value();
  visit_elements(tensor, [&](const auto& at) {
    size_t next = 0;
    append_nested(out_, tensor.shape(), next, at);
  });
}

void JsonWriter::flat(const Tensor& tensor) {
  array([&] {
    visit_elements(tensor, [&](const auto& at) { append_row(out_, 0, tensor.count(), at); });
  });
}

void JsonWriter::raw(std::string_view json) {
  before_value();
  out_ += json;
}

}  // namespace accel::server
