// Writing JSON from front to back, appended to a text.
//
//   std::string body;
//   JsonWriter json(body);
//   json.object([&] {
//     json.member("model", model);
//     json.name("embedding");
//     json.numbers(row);
//   });
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "accel/tensor.h"

namespace accel::server {

// What is written is JSON when each name() is followed by one value, within an object, and nothing
// else stands there. Numbers are written with the fewest digits that give them back; NaN and
// infinities, which JSON lacks, as null. Invalid UTF-8 becomes U+FFFD. One owner, one thread.
class JsonWriter {
 public:
  // `out` outlives the writer; what is there already stays.
  explicit JsonWriter(std::string& out) : out_(out) {}

  template <class Body>
  void object(Body&& body) {
    open('{');
    body();
    close('}');
  }
  template <class Body>
  void array(Body&& body) {
    open('[');
    body();
    close(']');
  }
  void name(std::string_view name);
  template <class T>
  void member(std::string_view name_of_it, const T& value_of_it) {
    name(name_of_it);
    value(value_of_it);
  }

  void value(std::string_view text);
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(const char* text) { value(std::string_view(text)); }
  void value(double number);
  void value(float number);
  template <class T>
    requires std::is_integral_v<T>
  void value(T number) {
    if constexpr (std::is_same_v<T, bool>) boolean(number);
    else if constexpr (std::is_signed_v<T>) integer(number);
    else natural(number);
  }
  void null();
  // An array of strings.
  void value(std::span<const std::string> texts);
  // A flat array.
  void numbers(std::span<const float> numbers);
  // As nested arrays of the tensor's shape; bool as true and false.
  void tensor(const Tensor& tensor);
  // As a flat array, in row-major order.
  void flat(const Tensor& tensor);
  // JSON that is there already.
  void raw(std::string_view json);

 private:
  void open(char bracket);
  void close(char bracket);
  void boolean(bool value);
  void integer(int64_t value);
  void natural(uint64_t value);
  void before_value();

  std::string& out_;
  bool comma_ = false;  // something stands before, in the same object or array
};

}  // namespace accel::server
