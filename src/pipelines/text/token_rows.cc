#include "pipelines/text/token_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/try.h"
#include "pipelines/text/embedding.h"

namespace accel::pipelines {
namespace {

Tensor integers(const auto& values) {
  Tensor tensor = Tensor::allocate(DType::kI64, {std::ssize(values)});
  std::ranges::copy(values, reinterpret_cast<int64_t*>(tensor.mutable_data()));
  return tensor;
}

template <class T>
void append(std::vector<T>& out, const std::vector<T>& from, size_t begin, size_t end) {
  if (from.empty()) return;  // what was not asked for
  out.insert(out.end(), from.begin() + static_cast<std::ptrdiff_t>(begin),
             from.begin() + static_cast<std::ptrdiff_t>(end));
}

void append(text::Encoding& out, const text::Encoding& from, size_t begin, size_t end) {
  append(out.ids, from.ids, begin, end);
  append(out.type_ids, from.type_ids, begin, end);
  append(out.attention_mask, from.attention_mask, begin, end);
  append(out.special_tokens_mask, from.special_tokens_mask, begin, end);
  append(out.sequences, from.sequences, begin, end);
  append(out.offsets, from.offsets, begin, end);
  append(out.words, from.words, begin, end);
  append(out.tokens, from.tokens, begin, end);
}

Result<text::Encoding> checked(const TaskModel& model, Result<text::Encoding> encoding) {
  if (encoding.ok()) ACCEL_TRY(check_ids(*model.tokenizer, model.vocabulary, encoding->ids));
  return encoding;
}

}  // namespace

Status check_ids(const text::Tokenizer& tokenizer, int64_t vocabulary,
                 const std::vector<int32_t>& ids) {
  for (const int32_t id : ids) {
    if (id >= 0 && id < vocabulary) continue;
    return out_of_range(fmt::format(
        "the tokenizer gives token id {} ('{}'), but the model has only {} rows; check that "
        "tokenizer.json belongs to this model",
        id, tokenizer.id_to_token(id).value_or("?"), vocabulary));
  }
  return {};
}

Result<text::Encoding> encode(const TaskModel& model, std::string_view text,
                              text::EncodeOptions options) {
  options.max_length = static_cast<size_t>(model.max_tokens);
  return checked(model, model.tokenizer->encode(text, options));
}

Result<text::Encoding> encode_pair(const TaskModel& model, text::TextPair pair,
                                   text::EncodeOptions options) {
  options.max_length = static_cast<size_t>(model.max_tokens);
  return checked(model, model.tokenizer->encode_pair(pair, options));
}

runtime::Row id_row(const std::vector<int32_t>& ids, const std::vector<uint8_t>& attention_mask) {
  return {{{"input_ids", integers(ids)}, {"attention_mask", integers(attention_mask)}}};
}

runtime::Row token_row(const TaskModel& model, const text::Encoding& encoding) {
  runtime::Row row = id_row(encoding.ids, encoding.attention_mask);
  if (std::ranges::find(model.inputs, "token_type_ids") != model.inputs.end()) {
    row.inputs.push_back({"token_type_ids", integers(encoding.type_ids)});
  }
  return row;
}

Result<TextRow> text_row(const TaskModel& model, std::string_view text) {
  if (!model.tokenizer) {
    return failed_precondition(
        "expected a model of texts with its tokenizer.json, found one without");
  }
  const bool one_length = model.matching && model.matching->independent;
  text::EncodeOptions options;
  if (one_length) {
    // SigLIP was trained on texts of one length, and reads what fills them up.
    options.padding =
        text::Padding{.length = static_cast<size_t>(model.max_tokens), .id = model.pad_id};
  }
  ACCEL_ASSIGN(const text::Encoding encoding, encode(model, text, options));
  TextRow made{.row = token_row(model, encoding), .truncated = encoding.truncated};
  if (one_length) {
    std::erase_if(made.row.inputs,
                  [](const NamedTensor& input) { return input.name != "input_ids"; });
  }
  return made;
}

Result<TextRow> prompted_row(const TaskModel& model, const TaskInput& input,
                             const TaskOptions& options) {
  if (!model.sentences) {
    return failed_precondition(
        "expected a model of texts with its tokenizer.json, found one without");
  }
  ACCEL_ASSIGN(const std::string prompt,
               find_prompt(*model.sentences, options.prompt.value_or("")));
  ACCEL_ASSIGN(const TokenizedText text,
               prepare(*model.sentences, prompt, input.text, options.strict_utf8));
  const std::vector<uint8_t> mask(text.ids.size(), 1);
  return TextRow{.row = id_row(text.ids, mask), .truncated = text.truncated};
}

Result<std::vector<text::Encoding>> cut_windows(const text::Encoding& encoding, int sequence,
                                                const WindowLimits& limits) {
  const auto all = static_cast<int64_t>(encoding.ids.size());
  if (limits.tokens == 0 || all <= limits.tokens) return std::vector{encoding};
  const auto& of = encoding.sequences;
  const auto first = std::ranges::find(of, sequence);
  const auto behind =
      std::find_if(first, of.end(), [&](int8_t number) { return number != sequence; });
  const auto begin = static_cast<int64_t>(first - of.begin());
  const auto end = static_cast<int64_t>(behind - of.begin());
  const int64_t room = limits.tokens - (all - (end - begin));
  if (room < 1) {
    return invalid_argument(
        fmt::format("expected a text that leaves room within {} tokens, found {} tokens beside it; "
                    "shorten the other text",
                    limits.tokens, all - (end - begin)));
  }
  if (limits.stride >= room) {
    return invalid_argument(fmt::format(
        "stride: expected less than the {} tokens of a window, found {}", room, limits.stride));
  }
  std::vector<text::Encoding> windows;
  for (int64_t at = begin;; at += room - limits.stride) {
    const int64_t stop = std::min(at + room, end);
    text::Encoding window;
    append(window, encoding, 0, static_cast<size_t>(begin));
    append(window, encoding, static_cast<size_t>(at), static_cast<size_t>(stop));
    append(window, encoding, static_cast<size_t>(end), static_cast<size_t>(all));
    windows.push_back(std::move(window));
    if (stop == end) return windows;
  }
}

std::string_view code_points(std::string_view text, int64_t begin, int64_t end) {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  size_t at = 0;
  const auto skip = [&](int64_t count) {
    for (; count > 0 && at < text.size(); --count) {
      ++at;
      while (at < text.size() && continues(text[at])) ++at;
    }
  };
  skip(begin);
  const size_t from = at;
  skip(end - begin);
  return text.substr(from, at - from);
}

std::string without_spaces_before_marks(std::string text) {
  // PreTrainedTokenizerBase.clean_up_tokenization, in its order.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kReplacements{{
      {" .", "."},
      {" ?", "?"},
      {" !", "!"},
      {" ,", ","},
      {" ' ", "'"},
      {" n't", "n't"},
      {" 'm", "'m"},
      {" 's", "'s"},
      {" 've", "'ve"},
      {" 're", "'re"},
  }};
  for (const auto& [from, to] : kReplacements) {
    std::string out;
    size_t begin = 0;
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, begin)) {
      out.append(text, begin, at - begin).append(to);
      begin = at + from.size();
    }
    text = out.append(text, begin);
  }
  return text;
}

}  // namespace accel::pipelines
