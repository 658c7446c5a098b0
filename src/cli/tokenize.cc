// accel tokenize: ids, tokens and offsets of texts.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/files.h"
#include "base/try.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/output_file.h"
#include "cli/table.h"
#include "cli/text_input.h"
#include "hub/locate.h"
#include "models/model_folder.h"
#include "text/tokenizer.h"
#include "text/tokenizer_files.h"

namespace accel::cli {
namespace {

constexpr uint64_t kTokenizerBytesMax = uint64_t{256} << 20;

struct TokenizeFlags {
  std::string model;
  std::vector<std::string> texts;
  std::string input;
  std::string format = "table";
  std::string pair;
  bool json_lines = false;
  bool no_special = false;

  void declare(Flags& flags);
};

void TokenizeFlags::declare(Flags& flags) {
  flags.argument("MODEL", &model, "a model folder, a .gguf file, a tokenizer.json, or a name");
  flags.arguments("TEXT", &texts, 0, "texts; without any, lines of --input or standard input");
  flags.text("--input", "FILE|-", &input, "one text per line");
  flags.flag("--json-lines", &json_lines,
             "lines are JSON strings, which can hold any text, line feeds included");
  flags.choice(
      "--format", &format, {"table", "json", "ids"},
      "for people, one JSON object per text, or one array of ids per text (default table)");
  flags.text("--pair", "TEXT2", &pair, "encode each text as a pair with this one");
  flags.flag("--no-special", &no_special, "without the tokens that the model's template adds");
  flags.example("accel tokenize all-MiniLM-L6-v2 'a text'");
}

// The tokenizer needs no model around it: a folder with a tokenizer's files, or tokenizer.json
// alone, will do. Otherwise the model's family knows which files to look for, or a GGUF file its
// vocabulary.
Result<std::string> tokenizer_content(const std::string& model) {
  std::error_code ignored;
  ACCEL_ASSIGN(const auto located, hub::locate_model(model));
  const bool gguf = located.extension() == ".gguf";
  if (!gguf && std::filesystem::is_regular_file(located, ignored)) {
    return read_file(located, kTokenizerBytesMax);
  }
  if (!gguf) {
    Result<std::string> own = text::read_tokenizer(located, "");
    if (own.ok() || own.status().code() != StatusCode::kNotFound) return own;
  }
  ACCEL_ASSIGN(const auto folder, models::ModelFolder::open(located));
  return folder->tokenizer_json();
}

Result<std::shared_ptr<const text::Tokenizer>> open_tokenizer(const std::string& model) {
  ACCEL_ASSIGN(const std::string json, tokenizer_content(model));
  auto tokenizer = text::Tokenizer::from_json(json);
  if (!tokenizer.ok()) return tokenizer.status().with_context("reading " + model);
  return tokenizer;
}

std::string table_of(const std::string& text, const text::Encoding& encoding) {
  Table table({Align::kRight, Align::kLeft, Align::kRight, Align::kRight});
  table.add({"id", "token", "from", "to"});
  for (size_t i = 0; i < encoding.ids.size(); ++i) {
    const bool added = encoding.sequences[i] < 0;
    table.add({std::to_string(encoding.ids[i]), encoding.tokens[i],
               added ? "" : std::to_string(encoding.offsets[i].begin),
               added ? "" : std::to_string(encoding.offsets[i].end)});
  }
  return fmt::format("{}\n{} tokens\n{}\n", printable(text), encoding.ids.size(), table.text(2));
}

std::string json_of(uint64_t index, const text::Encoding& encoding) {
  nlohmann::ordered_json line{{"index", index}, {"ids", encoding.ids}};
  line["tokens"] = encoding.tokens;
  auto& offsets = line["offsets"] = nlohmann::ordered_json::array();
  for (const text::Offset& offset : encoding.offsets) {
    offsets.push_back({offset.begin, offset.end});
  }
  line["type_ids"] = encoding.type_ids;
  line["special_tokens_mask"] = encoding.special_tokens_mask;
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

class TokenizeCommand {
 public:
  TokenizeCommand(const TokenizeFlags& flags, std::shared_ptr<const text::Tokenizer> tokenizer)
      : flags_(flags), tokenizer_(std::move(tokenizer)) {}

  Status run(TextInput& input);

 private:
  Result<std::string> answer(std::string_view given);
  std::string repaired(std::string_view given);

  const TokenizeFlags& flags_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  uint64_t index_ = 0;
  uint64_t replaced_ = 0;
};

std::string TokenizeCommand::repaired(std::string_view given) {
  if (find_invalid_utf8(given) == std::string_view::npos) return std::string(given);
  Utf8Repair repair = repair_utf8(given);
  replaced_ += repair.replaced;
  return std::move(repair.text);
}

Result<std::string> TokenizeCommand::answer(std::string_view given) {
  const std::string text = repaired(given);
  const bool ids_only = flags_.format == "ids";
  const text::EncodeOptions options{
      .add_special_tokens = !flags_.no_special, .offsets = !ids_only, .tokens = !ids_only};
  auto encoding = flags_.pair.empty()
                      ? tokenizer_->encode(text, options)
                      : tokenizer_->encode_pair({text, repaired(flags_.pair)}, options);
  if (!encoding.ok()) return encoding.status().with_context(fmt::format("text {}", index_ + 1));
  const uint64_t index = index_++;
  if (ids_only) return fmt::format("[{}]\n", fmt::join(encoding->ids, ","));
  return flags_.format == "json" ? json_of(index, *encoding) : table_of(text, *encoding);
}

Status TokenizeCommand::run(TextInput& input) {
  ACCEL_ASSIGN(const auto output, OutputFile::create("-"));
  while (true) {
    ACCEL_ASSIGN(const std::optional<InputText> text, input.next());
    if (!text) break;
    ACCEL_ASSIGN(const std::string said, answer(text->text));
    output->buffer() += said;
    ACCEL_TRY(stdin_is_terminal() ? output->flush() : output->written());
  }
  ACCEL_TRY(output->commit());
  replaced_ += input.replaced_utf8();
  if (replaced_ > 0) {
    notice(fmt::format("{} invalid UTF-8 sequences were replaced by U+FFFD", replaced_));
  }
  return {};
}

}  // namespace

Status run_tokenize(const Command& command, const Arguments& arguments) {
  TokenizeFlags given;
  Flags flags(command);
  given.declare(flags);
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  if (!given.texts.empty() && !given.input.empty()) {
    return invalid_argument("expected texts as arguments or --input, found both");
  }
  ACCEL_ASSIGN(auto tokenizer, open_tokenizer(given.model));
  std::unique_ptr<TextInput> input;
  if (!given.texts.empty()) {
    input = text_input_of(std::move(given.texts), {});
  } else {
    ACCEL_ASSIGN(
        input, open_text_input(given.input.empty() ? "-" : given.input,
                               {.form = given.json_lines ? LineForm::kString : LineForm::kPlain}));
  }
  return TokenizeCommand(given, std::move(tokenizer)).run(*input);
}

}  // namespace accel::cli
