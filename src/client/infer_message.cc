#include "client/infer_message.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <functional>

#include "base/json.h"
#include "base/try.h"
#include "client/answer_reader.h"
#include "hub/model_name.h"

namespace accel::client {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct NamedType {
  std::string_view name;
  DType dtype;
};
constexpr std::array<NamedType, 4> kTypes{{{"FP32", DType::kF32},
                                           {"INT64", DType::kI64},
                                           {"UINT16", DType::kU16},
                                           {"BOOL", DType::kBool}}};

Status no_answer(std::string_view found) {
  return unavailable(fmt::format("expected an answer of the Open Inference Protocol with binary "
                                 "data, as accel serve gives it, "
                                 "found {}",
                                 found));
}

// --- what is asked -------------------------------------------------------------------------------

template <class T>
void put_option(OrderedJson& json, const char* name, const std::optional<T>& option) {
  if (option) json[name] = *option;
}

OrderedJson parameters_of(const AskedItems& asked) {
  const TaskOptions& options = asked.options;
  OrderedJson json{{"binary_data_output", true}};
  if (!asked.task.empty()) json["task"] = asked.task;
  put_option(json, "top_k", options.top_k);
  put_option(json, "function", options.function);
  put_option(json, "multi_label", options.multi_label);
  put_option(json, "hypothesis", options.hypothesis);
  put_option(json, "aggregation", options.aggregation);
  put_option(json, "window_tokens", options.window_tokens);
  put_option(json, "stride_tokens", options.stride_tokens);
  put_option(json, "max_answer_tokens", options.max_answer_tokens);
  put_option(json, "no_answer", options.no_answer);
  if (options.targets) json["targets"] = fmt::format("{}", fmt::join(*options.targets, ","));
  put_option(json, "threshold", options.threshold);
  put_option(json, "timestamps", options.timestamps);
  put_option(json, "pool", options.pool);
  put_option(json, "prompt", options.prompt);
  put_option(json, "dimensions", options.dimensions);
  put_option(json, "normalize", options.normalize);
  if (options.strict_utf8) json["strict_utf8"] = true;
  return json;
}

// The strings of one input: each its length, four bytes, little-endian, and its own bytes.
class InputWriter {
 public:
  InputWriter(OrderedJson& inputs, std::string& binary) : inputs_(inputs), binary_(binary) {}

  void write(std::string_view name, Shape shape, const std::vector<const std::string*>& values) {
    const size_t begin = binary_.size();
    for (const std::string* value : values) {
      const auto length = static_cast<uint32_t>(value->size());
      std::array<char, sizeof(length)> bytes;
      std::memcpy(bytes.data(), &length, sizeof(length));
      binary_.append(bytes.data(), bytes.size());
      binary_ += *value;
    }
    inputs_.push_back({{"name", name},
                       {"shape", std::move(shape)},
                       {"datatype", "BYTES"},
                       {"parameters", {{"binary_data_size", binary_.size() - begin}}}});
  }

 private:
  OrderedJson& inputs_;
  std::string& binary_;
};

void write_items(const std::vector<TaskInput>& items, InputWriter& writer) {
  const auto count = static_cast<int64_t>(items.size());
  const TaskInput& first = items.front();
  const auto write_each = [&](std::string_view name, const auto& value_of) {
    std::vector<const std::string*> values;
    for (const TaskInput& item : items) values.push_back(value_of(item));
    writer.write(name, {count}, values);
  };
  if (first.media) {
    write_each("media", [](const TaskInput& item) { return &*item.media; });
  } else {
    write_each("text", [](const TaskInput& item) { return &item.text; });
  }
  if (first.second_text) {
    write_each("second_text", [](const TaskInput& item) { return &*item.second_text; });
  }
  if (first.choices.empty()) return;
  std::vector<const std::string*> choices;
  for (const TaskInput& item : items) {
    for (const std::string& choice : item.choices) choices.push_back(&choice);
  }
  writer.write("choices", {count, static_cast<int64_t>(first.choices.size())}, choices);
}

// --- what is answered ----------------------------------------------------------------------------

// One output's head; its bytes are the next of `left`, which then begins behind them.
Result<InferOutput> take_output(const Json& json, std::string_view& left) {
  const auto text = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  InferOutput output{.name = text("name"), .datatype = text("datatype"), .shape = {}, .bytes = {}};
  if (output.name.empty() || output.datatype.empty()) return no_answer("an output without a name");
  const auto shape = json.find("shape");
  if (shape == json.end() || !shape->is_array()) return no_answer("an output without a shape");
  for (const Json& length : *shape) {
    if (!length.is_number_unsigned()) return no_answer("a shape that is none");
    output.shape.push_back(length.get<int64_t>());
  }
  const auto parameters = json.find("parameters");
  if (parameters == json.end()) return no_answer("numbers as text");
  const auto size = parameters->find("binary_data_size");
  if (size == parameters->end() || !size->is_number_unsigned()) return no_answer("numbers as text");
  if (size->get<uint64_t>() > left.size()) return no_answer("less data than it says");
  output.bytes = left.substr(0, size->get<uint64_t>());
  left.remove_prefix(output.bytes.size());
  return output;
}

Status add_classes(const InferReply& reply, TaskResult& result) {
  if (auto* map = std::get_if<Segmentation>(&result.answer)) {
    ACCEL_ASSIGN(const Tensor classes, reply.tensor("class_map", DType::kU16));
    if (classes.shape().size() != 3) return no_answer("a class map of another shape");
    map->height = classes.shape()[1];
    map->width = classes.shape()[2];
    map->classes.resize(classes.count());
    if (classes.count() > 0) {
      std::memcpy(map->classes.data(), classes.bytes().data(), classes.byte_size());
    }
  }
  if (auto* objects = std::get_if<DetectedObjects>(&result.answer)) {
    ACCEL_ASSIGN(const Tensor ids, reply.tensor("class_ids", DType::kI64));
    if (ids.count() != objects->size()) return no_answer("classes of other objects");
    for (size_t i = 0; i < objects->size(); ++i) (*objects)[i].class_id = ids.data<int64_t>()[i];
  }
  return {};
}

}  // namespace

ServerCall infer_call(const AskedItems& asked) {
  OrderedJson head{{"parameters", parameters_of(asked)}, {"inputs", OrderedJson::array()}};
  std::string binary;
  InputWriter writer(head["inputs"], binary);
  write_items(asked.items, writer);
  for (const std::string& name : asked.outputs) head["outputs"].push_back({{"name", name}});
  std::string body = head.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const size_t length = body.size();
  body += binary;
  return {.path = fmt::format("/v2/models/{}/infer", hub::url_quoted(asked.model, false)),
          .headers = {"Content-Type: application/octet-stream",
                      fmt::format("Inference-Header-Content-Length: {}", length)},
          .body = std::move(body)};
}

const InferOutput* InferReply::find(std::string_view name) const {
  const auto found = std::ranges::find(outputs, name, &InferOutput::name);
  return found == outputs.end() ? nullptr : &*found;
}

Result<Tensor> InferReply::tensor(std::string_view name, DType dtype) const {
  const InferOutput* output = find(name);
  if (output == nullptr) return no_answer(fmt::format("none called '{}'", name));
  const auto type = std::ranges::find(kTypes, dtype, &NamedType::dtype);
  const std::optional<uint64_t> count = element_count(output->shape);
  if (type == kTypes.end() || output->datatype != type->name || !count ||
      output->bytes.size() % size_of(dtype) != 0 ||
      *count != output->bytes.size() / size_of(dtype)) {
    return no_answer(fmt::format("another type or size of '{}'", name));
  }
  Tensor tensor = Tensor::allocate(dtype, output->shape);
  if (!output->bytes.empty()) {
    std::memcpy(tensor.mutable_data(), output->bytes.data(), output->bytes.size());
  }
  return tensor;
}

Result<std::vector<std::string>> InferReply::strings(std::string_view name) const {
  const InferOutput* output = find(name);
  if (output == nullptr || output->datatype != "BYTES") {
    return no_answer(fmt::format("no strings called '{}'", name));
  }
  std::vector<std::string> all;
  for (std::string_view left = output->bytes; !left.empty();) {
    uint32_t length = 0;
    if (left.size() < sizeof(length)) return no_answer("half a string");
    std::memcpy(&length, left.data(), sizeof(length));
    left.remove_prefix(sizeof(length));
    if (left.size() < length) return no_answer("half a string");
    all.emplace_back(left.substr(0, length));
    left.remove_prefix(length);
  }
  return all;
}

Result<InferReply> parse_infer_reply(std::string body, std::string_view header_length) {
  InferReply reply{.body = std::make_shared<const std::string>(std::move(body)), .outputs = {}};
  const std::string_view whole = *reply.body;
  uint64_t length = 0;
  const char* const end = header_length.data() + header_length.size();
  const auto [stop, error] = std::from_chars(header_length.data(), end, length);
  if (error != std::errc() || stop != end || length > whole.size()) {
    return no_answer("one without the length of its JSON");
  }
  const Result<Json> head = parse_json(whole.substr(0, length));
  if (!head.ok() || !head->is_object()) return no_answer("no JSON");
  const auto outputs = head->find("outputs");
  if (outputs == head->end() || !outputs->is_array()) return no_answer("no outputs");
  std::string_view left = whole.substr(length);
  for (const Json& json : *outputs) {
    ACCEL_ASSIGN(InferOutput output, take_output(json, left));
    reply.outputs.push_back(std::move(output));
  }
  if (!left.empty()) return no_answer("more data than it says");
  if (const auto parameters = head->find("parameters"); parameters != head->end()) {
    const auto truncated = parameters->find("truncated");
    reply.truncated = truncated != parameters->end() && *truncated == true;
  }
  return reply;
}

std::vector<std::string> outputs_for(std::string_view task) {
  if (task == "image-segmentation") return {"answer", "class_map"};
  if (task == "object-detection") return {"answer", "class_ids"};
  return {};
}

Result<TaskResult> result_of(const InferReply& reply, std::string_view task) {
  TaskResult result{.truncated = reply.truncated};
  for (const std::string_view name : {"sentence_embedding", "last_hidden_state", "pooler_output"}) {
    if (reply.find(name) == nullptr) continue;
    ACCEL_ASSIGN(Tensor values, reply.tensor(name, DType::kF32));
    if (name == "sentence_embedding") {
      values = values.reshaped({static_cast<int64_t>(values.count())});
    }
    result.answer = Features{std::move(values)};
    return result;
  }
  ACCEL_ASSIGN(const std::vector<std::string> answers, reply.strings("answer"));
  if (answers.size() != 1) return no_answer(fmt::format("{} answers to one item", answers.size()));
  Result<TaskResult> read = read_answer(task, answers.front());
  if (!read.ok()) return no_answer(read.status().message());
  result.answer = std::move(read->answer);
  ACCEL_TRY(add_classes(reply, result));
  return result;
}

std::vector<std::string> embedding_outputs() {
  return {"sentence_embedding", "tokens", "truncated"};
}

Result<EmbedResult> embeddings_of(const InferReply& reply, size_t count) {
  EmbedResult result;
  ACCEL_ASSIGN(result.embeddings, reply.tensor("sentence_embedding", DType::kF32));
  ACCEL_ASSIGN(const Tensor tokens, reply.tensor("tokens", DType::kI64));
  ACCEL_ASSIGN(const Tensor truncated, reply.tensor("truncated", DType::kBool));
  const Shape& shape = result.embeddings.shape();
  if (shape.size() != 2 || shape[0] != static_cast<int64_t>(count) || tokens.count() != count ||
      truncated.count() != count) {
    return no_answer("answers to another number of texts");
  }
  for (size_t i = 0; i < count; ++i) {
    result.tokens.push_back(static_cast<int32_t>(tokens.data<int64_t>()[i]));
    result.truncated.push_back(truncated.bytes()[i] != std::byte{0});
  }
  return result;
}

}  // namespace accel::client
