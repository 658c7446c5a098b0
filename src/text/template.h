// Chat templates: the Jinja templates that Hugging Face folders carry in tokenizer_config.json or
// chat_template.jinja, rendered as the reference library does.
//
//   ACCEL_ASSIGN(auto chat, Template::compile(source));
//   ACCEL_ASSIGN(std::string prompt, chat->render(context_json, now));
//
// Known to templates: the context's names, raise_exception(text), strftime_now(format), `tojson` as
// Python's json.dumps writes it (no escapes for non-ASCII; `indent`, `separators` and `sort_keys`
// are understood), Python's methods on strings, lists and dicts, `break` and `continue`, and
// `{% generation %}` blocks (which change nothing). trim_blocks and lstrip_blocks are on.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "accel/status.h"

struct accel_textkit_template;

namespace accel::text {

// Immutable: any number of threads may render at the same time.
class Template {
 public:
  // INVALID_ARGUMENT with the line for a syntax error.
  static Result<std::shared_ptr<const Template>> compile(std::string_view source);

  ~Template();
  Template(const Template&) = delete;
  Template& operator=(const Template&) = delete;

  // `context_json` is a JSON object: its members are the template's variables. `now` is what
  // strftime_now() prints, in UTC.
  //
  // INVALID_ARGUMENT for a context that is no such object, for an error while rendering and for
  // the template's own raise_exception(), whose text is then the message. RESOURCE_EXHAUSTED when
  // a template runs too long: a hostile one cannot hang. It can ask for much memory, though, by
  // doubling a string many times: render templates of strangers in a process that may end.
  Result<std::string> render(std::string_view context_json,
                             std::chrono::system_clock::time_point now) const;

 private:
  explicit Template(accel_textkit_template* handle) : handle_(handle) {}
  accel_textkit_template* handle_;
};

}  // namespace accel::text
