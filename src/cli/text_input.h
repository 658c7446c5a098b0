// Texts from outside, one after the other: from the command line, or from lines of a file, a pipe
// or a terminal, as plain text or JSON. Memory is that of the longest line.
//
//   ACCEL_ASSIGN(auto input, open_text_input("-", {.form = LineForm::kRecord, .field = "text"}));
//   while (true) {
//     ACCEL_ASSIGN(std::optional<InputText> text, input->next());
//     if (!text) break;
//     ...
//   }
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::cli {

// How a line becomes a text. An empty line is an empty text; in the JSON forms it is no record and
// is skipped.
enum class LineForm : uint8_t {
  kPlain,   // the line is the text
  kString,  // the line is a JSON string: any text, line feeds included
  kRecord,  // the line is a JSON object; the text is one of its fields
};

struct TextInputOptions {
  LineForm form = LineForm::kPlain;
  std::string field;                       // only for kRecord
  std::vector<std::string_view> reserved;  // only for kRecord: names that no other field may have
  // Invalid UTF-8 is refused, with the line and the byte. Otherwise a plain text comes as it is
  // (the engine replaces and counts), and in the JSON forms it is replaced and counted here.
  bool strict_utf8 = false;
  int stop_fd = -1;  // CANCELLED when it becomes readable; see Interrupt
};

struct InputText {
  std::string text;
  std::string carried;    // the record's other fields as JSON members, without braces
  uint64_t position = 0;  // bytes of the input up to here, for progress
};

// One owner, one thread.
class TextInput {
 public:
  virtual ~TextInput() = default;
  // The next text, or nullopt at the end. Errors name the input and the line.
  virtual Result<std::optional<InputText>> next() = 0;
  // Invalid sequences replaced so far.
  virtual uint64_t replaced_utf8() const = 0;
  // Bytes of the whole input, where that is known: a regular file.
  virtual std::optional<uint64_t> size_bytes() const = 0;
};

// Lines of the file `path`; "-" is standard input. The errors of opening a file.
Result<std::unique_ptr<TextInput>> open_text_input(const std::string& path,
                                                   TextInputOptions options);

// The texts given, in order; of the options only strict_utf8 matters.
std::unique_ptr<TextInput> text_input_of(std::vector<std::string> texts,
                                         const TextInputOptions& options);

// How many texts a file has, for an output that must know it beforehand: reads the file once. An
// error if `path` is no regular file.
Result<uint64_t> count_texts(const std::string& path, LineForm form);

}  // namespace accel::cli
