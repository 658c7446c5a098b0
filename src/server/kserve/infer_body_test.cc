// Bodies of inference over REST: JSON, binary data, what tritonclient sends, and what is wrong.
#include "server/kserve/infer_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "server/kserve/infer_response.h"

namespace accel::server::kserve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr RequestLimits kBodyLimits{.items_max = 4, .tensor_bytes_max = 4096};

// What tritonclient 2.x sends, byte for byte.
constexpr char kTensorsBody[] =
    R"({"id":"42","inputs":[{"name":"input_ids","shape":[2,3],"datatype":"INT64",)"
    R"("parameters":{"binary_data_size":48}},{"name":"attention_mask","shape":[2,3],)"
    R"("datatype":"INT64","data":[1,1,1,1,1,0]}],"outputs":[{"name":"logits",)"
    R"("parameters":{"classification":2,"binary_data":true}},{"name":"hidden",)"
    R"("parameters":{"binary_data":false}}],"parameters":{"priority":2,"timeout":1500000}})"
    "e\000\000\000\000\000\000\000\250\035\000\000\000\000\000\000f\000\000\000\000\000\000"
    "\000e\000\000\000\000\000\000\000(\010\000\000\000\000\000\000f\000\000\000\000\000\000"
    "\000";
constexpr char kItemsBody[] =
    R"({"inputs":[{"name":"text","shape":[2,1],"datatype":"BYTES",)"
    R"("parameters":{"binary_data_size":19}}],"parameters":{"binary_data_output":true,)"
    R"("task":"sentence-embedding","normalize":true,"dimensions":3}})"
    "\005\000\000\000hello\006\000\000\000w\303\266rld";

// Of a literal, zeros included.
template <size_t kSize>
std::string bytes_of(const char (&literal)[kSize]) {
  return {literal, kSize - 1};
}

InferBody parsed(std::string body, std::string_view header_length = "") {
  Result<InferBody> result = parse_infer_body(std::move(body), header_length, kBodyLimits);
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return result.ok() ? std::move(*result) : InferBody();
}

std::string refused(std::string body, std::string_view header_length = "") {
  const auto result = parse_infer_body(std::move(body), header_length, kBodyLimits);
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument) << result.status().to_string();
  return result.status().message();
}

// A request with one input that has these members.
std::string input_with(const std::string& members) {
  return R"({"inputs": [{"name": "x", )" + members + "}]}";
}

// The same with binary data behind it.
std::string binary_refusal(const std::string& members, const std::string& data) {
  const std::string json = input_with(members);
  return refused(json + data, std::to_string(json.size()));
}

const Tensor& tensor_of(const InferBody& body, size_t input = 0) {
  return std::get<Tensor>(body.request.inputs.at(input).data);
}
const Strings& strings_of(const InferBody& body, size_t input = 0) {
  return std::get<Strings>(body.request.inputs.at(input).data);
}

TEST(InferBody, OfTritonsClientWithTensors) {
  const InferBody body = parsed(bytes_of(kTensorsBody), "375");
  EXPECT_EQ(body.request.id, "42");
  EXPECT_EQ(body.request.parameters, (Parameters{{"priority", 2}, {"timeout", 1'500'000}}));
  ASSERT_EQ(body.request.inputs.size(), 2);
  EXPECT_EQ(body.request.inputs[0].name, "input_ids");
  EXPECT_EQ(tensor_of(body).shape(), (Shape{2, 3}));
  EXPECT_THAT(tensor_of(body).data<int64_t>(), ElementsAre(101, 7592, 102, 101, 2088, 102));
  EXPECT_THAT(tensor_of(body, 1).data<int64_t>(), ElementsAre(1, 1, 1, 1, 1, 0));
  ASSERT_EQ(body.request.outputs.size(), 2);
  EXPECT_EQ(body.request.outputs[0].name, "logits");
  EXPECT_EQ(body.request.outputs[0].classes, 2);
  EXPECT_EQ(body.request.outputs[1].classes, 0);
  EXPECT_FALSE(body.binary.by_default);
  EXPECT_THAT(body.binary.own, ElementsAre(true, false));
}

TEST(InferBody, OfTritonsClientWithItems) {
  const InferBody body = parsed(bytes_of(kItemsBody), "199");
  EXPECT_EQ(strings_of(body).shape, (Shape{2, 1}));
  EXPECT_THAT(strings_of(body).values, ElementsAre("hello", "wörld"));
  EXPECT_TRUE(body.binary.by_default);
  EXPECT_EQ(std::get<std::string>(body.request.parameters.at("task")), "sentence-embedding");
  EXPECT_EQ(std::get<bool>(body.request.parameters.at("normalize")), true);
  EXPECT_EQ(std::get<int64_t>(body.request.parameters.at("dimensions")), 3);
}

TEST(InferBody, MembersComeInAnyOrder) {
  const std::vector<std::string> members = {R"("name": "x")", R"("datatype": "FP32")",
                                            R"("shape": [2, 2])", R"("data": [[1, 2.5], [3, 4]])"};
  std::vector<size_t> order = {0, 1, 2, 3};
  do {
    std::string input;
    for (const size_t i : order) input += (input.empty() ? "" : ", ") + members[i];
    const InferBody body = parsed(R"({"inputs": [{)" + input + R"(}], "id": "i"})");
    ASSERT_EQ(body.request.inputs.size(), 1) << input;
    EXPECT_THAT(tensor_of(body).data<float>(), ElementsAre(1, 2.5F, 3, 4)) << input;
  } while (std::ranges::next_permutation(order).found);

  const InferBody texts =
      parsed(R"({"outputs": [], "inputs": [{"data": [["ä\n"], ["b"]], "shape": [2, 1],
                 "parameters": {"content_type": "str"}, "datatype": "BYTES", "new": {"a": [1]},
                 "name": "text"}], "parameters": {"binary_data_output": false, "none": null}})");
  EXPECT_THAT(strings_of(texts).values, ElementsAre("ä\n", "b"));
  EXPECT_FALSE(texts.request.parameters.contains("none"));
}

TEST(InferBody, EveryDatatypeOfNumbersIsReadFromJson) {
  for (const std::string name : {"BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16",
                                 "INT32", "INT64", "FP32", "FP64"}) {
    const InferBody body =
        parsed(input_with(R"("shape": [3], "data": [0, 1, 1], "datatype": ")" + name + "\""));
    EXPECT_EQ(Datatype(tensor_of(body).dtype()), *parse_datatype(name));
    std::string back;
    append_bytes(body.request.inputs[0].data, back);
    EXPECT_EQ(back.size(), 3 * size_of(tensor_of(body).dtype())) << name;
  }
  EXPECT_THAT(
      tensor_of(parsed(input_with(R"("datatype": "BOOL", "shape": [2], "data": [true, false])")))
          .data<uint8_t>(),
      ElementsAre(1, 0));
  for (const std::string name : {"FP16", "BF16"}) {
    for (const std::string& input :
         {R"("data": [1], "datatype": ")" + name + R"(", "shape": [1])",
          R"("shape": [1], "datatype": ")" + name + R"(", "data": [1])"}) {
      EXPECT_THAT(refused(input_with(input)), HasSubstr(name + " is taken as binary data only"));
    }
  }
}

TEST(InferBody, BinaryDataIsAViewOfTheBody) {
  // Spaces put the data where floats may lie.
  std::string json =
      input_with(R"("shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8})");
  json.resize((json.size() + 7) / 8 * 8, ' ');
  std::string body = json + std::string("\0\0\x80\x3F\0\0\0\x40", 8);
  body.reserve(body.size() + 64);
  const auto data = reinterpret_cast<uintptr_t>(body.data()) + json.size();
  const InferBody view = parsed(std::move(body), std::to_string(json.size()));
  EXPECT_THAT(tensor_of(view).data<float>(), ElementsAre(1, 2));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor_of(view).bytes().data()), data);

  json += ' ';
  const InferBody copy =
      parsed(json + std::string("\0\0\x80\x3F\0\0\0\x40", 8), std::to_string(json.size()));
  EXPECT_THAT(tensor_of(copy).data<float>(), ElementsAre(1, 2));
}

TEST(InferBody, BinaryAndJsonDataMayBeMixed) {
  const std::string json = R"({"inputs": [
      {"name": "a", "shape": [2], "datatype": "UINT8", "parameters": {"binary_data_size": 2}},
      {"name": "b", "shape": [1], "datatype": "INT8", "data": [-3]},
      {"name": "c", "shape": [], "datatype": "FP16", "parameters": {"binary_data_size": 2}},
      {"name": "d", "shape": [0], "datatype": "BF16", "parameters": {"binary_data_size": 0}}]})";
  const InferBody body = parsed(json + "abcd", std::to_string(json.size()));
  EXPECT_THAT(tensor_of(body, 0).data<uint8_t>(), ElementsAre('a', 'b'));
  EXPECT_THAT(tensor_of(body, 1).data<int8_t>(), ElementsAre(-3));
  EXPECT_EQ(tensor_of(body, 2).dtype(), DType::kF16);
  EXPECT_THAT(tensor_of(body, 2).bytes(), ElementsAre(std::byte{'c'}, std::byte{'d'}));
  EXPECT_EQ(tensor_of(body, 3).count(), 0);
}

TEST(InferBody, ThatIsAllJsonMayHaveItsLength) {
  const std::string json = input_with(R"("shape": [1], "datatype": "INT8", "data": [1])");
  EXPECT_EQ(parsed(json, std::to_string(json.size())).request.inputs.size(), 1);
  // What tritonclient sends for a tensor without elements.
  const std::string empty =
      input_with(R"("shape": [0], "datatype": "BYTES", "parameters": {"binary_data_size": 0})");
  EXPECT_TRUE(strings_of(parsed(empty, std::to_string(empty.size()))).values.empty());
}

TEST(InferBody, SizesBehindTheJsonMustFit) {
  const std::string floats = R"("shape": [2], "datatype": "FP32", )";
  const auto size = [&](const std::string& value) {
    return floats + R"("parameters": {"binary_data_size": )" + value + "}";
  };
  EXPECT_THAT(binary_refusal(size("8"), "1234567"), HasSubstr("expected 8 bytes behind the JSON"));
  EXPECT_THAT(binary_refusal(size("8"), "123456789"), HasSubstr("found 1; is there an input"));
  EXPECT_THAT(binary_refusal(size("7"), "1234567"), HasSubstr("2 elements of 4 bytes"));
  EXPECT_THAT(binary_refusal(size("-1"), "12345678"), HasSubstr("at least 0, found -1"));
  EXPECT_THAT(binary_refusal(size("\"8\""), "12345678"), HasSubstr("found a string"));
  EXPECT_THAT(binary_refusal(size("9223372036854775807"), "12345678"), HasSubstr("found 8"));
  EXPECT_THAT(binary_refusal(size("8") + R"(, "data": [1, 2])", "12345678"), HasSubstr("both"));
  EXPECT_THAT(refused(input_with(size("8"))), HasSubstr("Inference-Header-Content-Length, too"));
  EXPECT_THAT(refused(input_with(floats + R"("parameters": {})")), HasSubstr("neither"));
  EXPECT_THAT(binary_refusal(R"("shape": [4294967296, 4294967296], "datatype": "FP64",
                                "parameters": {"binary_data_size": 8})",
                             "12345678"),
              HasSubstr("fewer elements"));
  EXPECT_THAT(
      binary_refusal(R"("shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": 5})",
                     std::string("\1\0\0\0a", 5)),
      HasSubstr("input 'x': expected 2 strings"));
}

TEST(InferBody, TheLengthOfTheJsonMustFit) {
  const std::string json = input_with(R"("shape": [1], "datatype": "INT8", "data": [1])");
  for (const std::string length : {"0", "-1", "x", "1x", "100000", "99999999999999999999", " 1"}) {
    EXPECT_THAT(refused(json, length), HasSubstr("Inference-Header-Content-Length"));
  }
  EXPECT_THAT(refused(json, "10"), HasSubstr("JSON"));
  EXPECT_FALSE(refused("").empty());
}

TEST(InferBody, InputsMustBeWhole) {
  EXPECT_THAT(refused(R"({"inputs": [{"shape": [1], "datatype": "INT8", "data": [1]}]})"),
              HasSubstr("inputs[0]: name: expected"));
  EXPECT_THAT(refused(input_with(R"("datatype": "INT8", "data": [1])")),
              HasSubstr("inputs[0]: shape: expected one, found none"));
  EXPECT_THAT(refused(input_with(R"("shape": [1], "data": [1])")),
              HasSubstr("inputs[0]: datatype: expected one, found none"));
  EXPECT_THAT(refused(input_with(R"("shape": [1], "datatype": "INT8")")), HasSubstr("neither"));
  EXPECT_THAT(refused(input_with(R"("shape": [1], "datatype": "INT9", "data": [1])")),
              HasSubstr("inputs[0].datatype: expected one of BOOL"));
  EXPECT_THAT(
      refused(input_with(R"("shape": [1], "datatype": "INT8", "data": [1], "datatype": "INT16")")),
      HasSubstr("found two"));
  EXPECT_THAT(refused(input_with(R"("shape": [-1], "datatype": "INT8", "data": [1])")),
              HasSubstr("inputs[0]: expected axes of at least 0 in a shape"));
  EXPECT_THAT(refused(input_with(R"("data": [1], "shape": [-1], "datatype": "INT8")")),
              HasSubstr("inputs[0]: shape: expected axes of at least 0 in a shape"));
  EXPECT_THAT(refused(input_with(R"("shape": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],
                                    "datatype": "INT8", "data": [1])")),
              HasSubstr("16 axes"));
  EXPECT_THAT(refused(input_with(R"("shape": [1.5], "datatype": "INT8", "data": [1])")),
              HasSubstr("inputs[0].shape[0]: expected an integer"));
}

TEST(InferBody, DataMustBeAsTheShapeSays) {
  const auto data = [](const std::string& shape, const std::string& type,
                       const std::string& values) {
    return input_with("\"shape\": " + shape + ", \"datatype\": \"" + type +
                      "\", \"data\": " + values);
  };
  EXPECT_THAT(refused(data("[2]", "INT8", "[1]")), HasSubstr("2 elements, as the shape [2] has"));
  EXPECT_THAT(refused(data("[2]", "INT8", "[1, 2, 3]")), HasSubstr("at most 2 numbers"));
  EXPECT_THAT(refused(data("[2]", "BYTES", "[\"a\"]")), HasSubstr("found 1"));
  EXPECT_THAT(refused(data("[2]", "INT8", "[1, 200]")), HasSubstr("inputs[0].data[1]"));
  EXPECT_THAT(refused(data("[1]", "INT8", "1")), HasSubstr("expected an array"));
  EXPECT_THAT(refused(data("[1]", "INT8", "[\"1\"]")), HasSubstr("expected a number"));
  EXPECT_THAT(refused(data("[1]", "BYTES", "[1]")), HasSubstr("expected a string"));
  EXPECT_THAT(refused(data("[1000000]", "FP64", "[1]")), HasSubstr("1000000 elements"));
  EXPECT_THAT(refused(input_with(R"("data": ["a"], "datatype": "INT8", "shape": [1])")),
              HasSubstr("inputs[0]: data: [0]: expected a number"));
  // Further numbers than the limit are not kept, whatever the shape.
  std::string many = "[0";
  for (int i = 0; i < 600; ++i) many += ",0";
  EXPECT_THAT(refused(data("[601]", "FP64", many + "]")), HasSubstr("at most 512 numbers"));
  EXPECT_THAT(refused(input_with("\"datatype\": \"FP64\", \"data\": " + many + "]")),
              HasSubstr("at most 512 numbers"));
}

TEST(InferBody, ParametersAreScalars) {
  const auto with = [](const std::string& parameters) {
    return R"({"inputs": [], "parameters": )" + parameters + "}";
  };
  const Parameters read =
      parsed(with(R"({"a": 1, "b": -2.5, "c": "x", "d": true, "e": 18446744073709551615})"))
          .request.parameters;
  EXPECT_EQ(read, (Parameters{{"a", 1}, {"b", -2.5}, {"c", "x"}, {"d", true}, {"e", 0x1p64}}));
  EXPECT_THAT(refused(with(R"({"a": [1]})")), HasSubstr("'a': expected a string, a number"));
  EXPECT_THAT(refused(with(R"({"a": 1e999})")), HasSubstr("1e999"));
  EXPECT_THAT(refused(with("[]")), HasSubstr("parameters: expected an object"));
  EXPECT_THAT(refused(with(R"({"binary_data_output": 1})")), HasSubstr("'binary_data_output'"));
}

TEST(InferBody, SharedMemoryIsRefused) {
  EXPECT_THAT(refused(input_with(R"("shape": [1], "datatype": "INT8",
                  "parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 1})")),
              HasSubstr("inputs[0]: parameter 'shared_memory_byte_size'"));
  EXPECT_THAT(
      refused(R"({"outputs": [{"name": "o", "parameters": {"shared_memory_region": "r"}}]})"),
      HasSubstr("outputs[0]: parameter 'shared_memory_region'"));
}

TEST(InferBody, OutputsMustBeWhole) {
  EXPECT_THAT(refused(R"({"outputs": [{}]})"), HasSubstr("outputs[0]: name"));
  EXPECT_THAT(refused(R"({"outputs": [{"name": "o", "parameters": {"binary_data": "yes"}}]})"),
              HasSubstr("outputs[0]: parameter 'binary_data'"));
  EXPECT_THAT(refused(R"({"outputs": [{"name": "o", "parameters": {"classification": 1.5}}]})"),
              HasSubstr("outputs[0]: parameter 'classification'"));
  EXPECT_THAT(refused(R"({"outputs": ["o"]})"), HasSubstr("outputs[0]: expected an object"));
}

TEST(InferBody, TensorsAreCounted) {
  std::string inputs;
  for (int i = 0; i <= 256; ++i) {
    inputs += inputs.empty() ? "" : ",";
    inputs += R"({"name": "x", "shape": [0], "datatype": "INT8", "data": []})";
  }
  EXPECT_THAT(refused(R"({"inputs": [)" + inputs + "]}"), HasSubstr("at most 256"));
}

TEST(InferBody, StringsAreCounted) {
  EXPECT_THAT(refused(input_with(R"("datatype": "BYTES", "data": [["","",""],["",""]])")),
              HasSubstr("at most 4 strings"));
  EXPECT_THAT(binary_refusal(R"("shape": [5], "datatype": "BYTES",
                                "parameters": {"binary_data_size": 20})",
                             std::string(20, '\0')),
              HasSubstr("inputs[0]: expected at most 4 strings"));
}

TEST(InferBody, NullIsAsIfItWereNotThere) {
  const InferBody body = parsed(R"({"id": null, "parameters": null, "outputs": null, "inputs": [
      {"name": "x", "shape": [1], "datatype": "INT8", "data": [1], "parameters": null}]})");
  EXPECT_EQ(body.request.inputs.size(), 1);
  EXPECT_TRUE(parsed(R"({"inputs": null})").request.inputs.empty());
  EXPECT_THAT(refused(input_with(R"("shape": null, "datatype": "INT8", "data": [1])")),
              HasSubstr("shape: expected one, found none"));
  EXPECT_EQ(parsed(R"({"outputs": [{"name": "o", "parameters": null}]})").request.outputs.size(),
            1);
}

// What the last of several members of one name says counts.
TEST(InferBody, MembersMayComeTwice) {
  const std::string input = R"({"name": "x", "shape": [512], "datatype": "FP64", "data": [)" +
                            std::string("0") +
                            [] {
                              std::string rest;
                              for (int i = 1; i < 512; ++i) rest += ",0";
                              return rest;
                            }() +
                            "]}";
  const InferBody body = parsed(R"({"inputs": [)" + input + R"(], "inputs": [)" + input + "]}");
  EXPECT_EQ(body.request.inputs.size(), 1);
  EXPECT_THAT(refused(R"({"inputs": [)" + input + "," + input + "]}"), HasSubstr("at most 0"));
}

InferAnswer small_answer() {
  return {.model = "m",
          .version = "2",
          .id = "i\"d",
          .parameters = {{"truncated", true}},
          .outputs = {{"a", Tensor::from<float>({1, 2}, std::vector<float>{1, 2.5F})},
                      {"b", Strings{.shape = {2}, .values = {"x", "yz"}}}}};
}

TEST(InferResponse, IsJson) {
  const auto response = format_infer_answer(small_answer(), {});
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(http::find(response->headers, "content-type"), "application/json");
  EXPECT_EQ(http::find(response->headers, "inference-header-content-length"), "");
  EXPECT_EQ(response->body,
            R"({"id":"i\"d","model_name":"m","model_version":"2","parameters":{"truncated":true},)"
            R"("outputs":[{"name":"a","datatype":"FP32","shape":[1,2],"data":[1,2.5]},)"
            R"({"name":"b","datatype":"BYTES","shape":[2],"data":["x","yz"]}]})");
}

TEST(InferResponse, HasBinaryDataBehindItsJson) {
  const auto response = format_infer_answer(small_answer(), {.by_default = true});
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(http::find(response->headers, "content-type"), "application/octet-stream");
  const size_t length =
      std::stoul(std::string(http::find(response->headers, "inference-header-content-length")));
  const Json json = *parse_json(response->body.substr(0, length));
  EXPECT_EQ(json["outputs"][0]["parameters"]["binary_data_size"], 8);
  EXPECT_EQ(json["outputs"][1]["parameters"]["binary_data_size"], 11);
  EXPECT_FALSE(json["outputs"][0].contains("data"));
  EXPECT_EQ(response->body.substr(length),
            std::string("\0\0\x80\x3F\0\0\x20\x40\1\0\0\0x\2\0\0\0yz", 19));
}

TEST(InferResponse, EachOutputHasItsForm) {
  const auto response =
      format_infer_answer(small_answer(), {.by_default = true, .own = {std::nullopt, false}});
  const size_t length =
      std::stoul(std::string(http::find(response->headers, "inference-header-content-length")));
  EXPECT_EQ(response->body.size(), length + 8);
  EXPECT_EQ((*parse_json(response->body.substr(0, length)))["outputs"][1]["data"][1], "yz");
}

TEST(InferResponse, FloatsOfSixteenBitsAreBinary) {
  const auto format = [](DType dtype, bool binary) {
    return format_infer_answer({.model = "m", .outputs = {{"o", Tensor::allocate(dtype, {1})}}},
                               {.by_default = binary});
  };
  EXPECT_THAT(format(DType::kF16, false).status().message(), HasSubstr("FP16 is sent as binary"));
  EXPECT_EQ(format(DType::kBF16, false).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(format(DType::kBF16, true).ok());
  EXPECT_EQ(format(DType::kF8E4M3, true).status().code(), StatusCode::kUnimplemented);
  // Without an id and a version there are none.
  EXPECT_EQ(
      format(DType::kI64, false)->body,
      R"({"model_name":"m","outputs":[{"name":"o","datatype":"INT64","shape":[1],"data":[0]}]})");
}

}  // namespace
}  // namespace accel::server::kserve
