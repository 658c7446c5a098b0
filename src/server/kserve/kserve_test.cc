// KServe's endpoints: what they ask of the service, and how they write its answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "server/gate.h"
#include "server/server.h"
#include "server/service_double.h"

namespace accel::server {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

service::ServedModel served_bert() {
  ModelReport facts{.source = "native", .own_task = "text-classification"};
  facts.inputs = {{"input_ids", DType::kI64, {-1, -1}},
                  {"attention_mask", DType::kI64, {-1, -1}, true}};
  facts.outputs = {{"logits", DType::kF32, {-1, 2}}, {"odd", DType::kF8E4M3, {1}}};
  ModelStatistics statistics{.submitted = 12,
                             .answered = 8,
                             .failed = 1,
                             .cancelled = 1,
                             .refused = 1,
                             .batches = 4,
                             .rows = 9,
                             .shares = {{.worked_seconds = 0.5}, {.worked_seconds = 0.25}}};
  return {.state = {.name = "bert", .version = 2, .state = ModelState::kLoaded},
          .versions = {1, 2},
          .aliases = {"default"},
          .facts = facts,
          .statistics = statistics};
}

service::ServedModel served_unloaded() {
  return {.state = {.name = "resnet", .version = 1}, .facts = ModelReport{.source = "onnx"}};
}

service::ServedModel served_embedder(std::string name, std::string pooling) {
  ModelReport facts{.source = "native", .tasks = {"feature-extraction", "sentence-embedding"}};
  facts.outputs = {{"last_hidden_state", DType::kF32, {-1, -1, 8}},
                   {"sentence_embedding", DType::kF32, {-1, 8}}};
  facts.pooling = std::move(pooling);
  return {.state = {.name = std::move(name)}, .facts = facts};
}

service::ServedModel served_failed() {
  return {.state = {.name = "x",
                    .version = 1,
                    .state = ModelState::kFailed,
                    .failure = not_found("no such folder")}};
}

std::vector<Result<service::Event>> kserve_answer(const service::Request& request) {
  if (const auto* describe = std::get_if<service::Describe>(&request)) {
    service::ServedModels models;
    if (describe->model.empty()) {
      models.models = {served_bert(), served_unloaded(), served_failed()};
    } else if (describe->model.starts_with("bert")) {
      models.models = {served_bert()};
    } else if (describe->model == "resnet") {
      models.models = {served_unloaded()};
    } else if (describe->model == "minilm") {
      models.models = {served_embedder("minilm", "mean")};
    } else if (describe->model == "exported") {
      models.models = {served_embedder("exported", "by the graph")};
    } else {
      return {not_found("model 'no' is not defined")};
    }
    return {service::Event(std::move(models))};
  }
  if (const auto* tensors = std::get_if<service::RunTensors>(&request)) {
    InferResult result;
    for (const NamedTensor& input : tensors->inputs) {
      result.outputs.push_back({"same_" + input.name, input.tensor});
    }
    return {service::Event(std::move(result))};
  }
  if (std::holds_alternative<service::RunItems>(request)) return embeddings_of(request);
  return {service::Event(service::Done{})};
}

class KServeTest : public testing::Test {
 protected:
  http::Response get(const std::string& target) { return ask(server_, {.target = target}); }
  http::Response post(const std::string& target, const std::string& body,
                      http::Headers headers = {}) {
    return ask(server_, {.method = "POST", .target = target, .body = body, .headers = headers});
  }
  Json json_of(const std::string& target) {
    const http::Response response = get(target);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(http::find(response.headers, "content-type"), "application/json");
    return *parse_json(response.body);
  }
  // The message of a response that is an error.
  static std::string error_of(const http::Response& response) {
    return (*parse_json(response.body))["error"];
  }
  template <class T>
  const T& asked() const {
    return std::get<T>(service_.requests.back());
  }

  ServiceDouble service_{kserve_answer};
  std::unique_ptr<Gate> gate_ = make_open_gate();
  Server server_{{}, {.service = service_, .gate = *gate_}};
};

TEST_F(KServeTest, TensorsGoToTheGraph) {
  const auto response = post("/v2/models/bert/infer", R"({"id": "7", "inputs": [
      {"name": "a", "shape": [1, 2], "datatype": "INT32", "data": [3, 4]}]})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(asked<service::RunTensors>().model, "bert");
  EXPECT_EQ(response.body,
            R"({"id":"7","model_name":"bert","outputs":[{"name":"same_a","datatype":"INT32",)"
            R"("shape":[1,2],"data":[3,4]}]})");
}

TEST_F(KServeTest, BinaryTensorsComeBackAsTheyWere) {
  const std::string json = R"({"parameters": {"binary_data_output": true}, "inputs": [
      {"name": "a", "shape": [2], "datatype": "FP16", "parameters": {"binary_data_size": 4}}]})";
  const auto response = post("/v2/models/bert/versions/2/infer", json + "abcd",
                             {{"inference-header-content-length", std::to_string(json.size())}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(asked<service::RunTensors>().model, "bert:2");
  EXPECT_EQ(http::find(response.headers, "content-type"), "application/octet-stream");
  const std::string_view length = http::find(response.headers, "inference-header-content-length");
  EXPECT_EQ(length, std::to_string(response.body.size() - 4));
  EXPECT_EQ(response.body,
            R"({"model_name":"bert","model_version":"2","outputs":[{"name":"same_a",)"
            R"("datatype":"FP16","shape":[2],"parameters":{"binary_data_size":4}}]})"
            "abcd");
}

TEST_F(KServeTest, StringsGoToTheTask) {
  const auto response = post("/v2/models/bert/infer", R"({"inputs": [
      {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]}],
      "parameters": {"task": "sentence-embedding", "timeout": 5000, "dimensions": 3},
      "outputs": [{"name": "sentence_embedding", "parameters": {"classification": 1}}]})");
  ASSERT_EQ(response.status, 200) << response.body;
  const auto& run = asked<service::RunItems>();
  EXPECT_EQ(run.items[1].text, "b");
  EXPECT_EQ(run.how.task, "sentence-embedding");
  EXPECT_EQ(run.how.timeout_ms, 5);
  EXPECT_EQ(run.how.options.dimensions, 3);
  EXPECT_EQ((*parse_json(response.body))["outputs"][0]["data"], (Json{"0.500000:1", "1.000000:0"}));
}

TEST_F(KServeTest, WhatIsWrongIsAnsweredInKServesForm) {
  const std::string path = "/v2/models/bert/infer";
  auto response = post(path, "{}");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(error_of(response), HasSubstr("at least one"));
  response = post("/v2/models/bert/versions/x/infer", R"({"inputs": [
      {"name": "a", "shape": [1], "datatype": "INT32", "data": [3]}]})");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(error_of(response), HasSubstr("'x'"));
  response = post(path, "{}", {{"inference-header-content-length", "5"}});
  EXPECT_THAT(error_of(response), HasSubstr("Inference-Header-Content-Length"));
  EXPECT_TRUE(service_.requests.empty());
  response = post(path, R"({"outputs": [{"name": "b"}], "inputs": [
      {"name": "a", "shape": [1], "datatype": "INT32", "data": [3]}]})");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(error_of(response), "outputs: expected some of same_a, found 'b'");
}

TEST_F(KServeTest, TheServerTellsWhatItHas) {
  const Json server = json_of("/v2");
  EXPECT_EQ(server["name"], "accel");
  EXPECT_EQ(server["version"], version());
  const auto extensions = server["extensions"].get<std::vector<std::string>>();
  EXPECT_THAT(extensions, Contains("binary_tensor_data"));
  EXPECT_THAT(extensions, Contains("model_repository(unload_dependents)"));
  EXPECT_THAT(extensions, Not(Contains("system_shared_memory")));

  Server small({.scopes = {Scope::kPublic, Scope::kInfer}}, {.service = service_, .gate = *gate_});
  const std::string body = ask(small, {.target = "/v2"}).body;
  EXPECT_THAT(body, HasSubstr("statistics"));
  EXPECT_THAT(body, Not(HasSubstr("model_repository")));
}

TEST_F(KServeTest, AModelTellsItsPorts) {
  const std::string expected =
      R"({"name":"bert","versions":["1","2"],"platform":"accel_native","inputs":[)"
      R"({"name":"input_ids","datatype":"INT64","shape":[-1,-1]},)"
      R"({"name":"attention_mask","datatype":"INT64","shape":[-1,-1]}],)"
      R"("outputs":[{"name":"logits","datatype":"FP32","shape":[-1,2]}]})";
  EXPECT_EQ(get("/v2/models/bert").body, expected);
  EXPECT_EQ(asked<service::Describe>().model, "bert");
  EXPECT_TRUE(asked<service::Describe>().facts);
  EXPECT_EQ(get("/v2/models/bert/versions/2").body, expected);
  EXPECT_EQ(asked<service::Describe>().model, "bert:2");
  EXPECT_EQ(json_of("/v2/models/resnet")["platform"], "accel_onnx");

  // An embedding that is not the graph's own comes of items.
  const Json embedder = json_of("/v2/models/minilm");
  ASSERT_EQ(embedder["outputs"].size(), 1);
  EXPECT_EQ(embedder["outputs"][0]["name"], "last_hidden_state");
  EXPECT_EQ(json_of("/v2/models/exported/config")["output"].size(), 2);

  const auto missing = get("/v2/models/no");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(error_of(missing), HasSubstr("'no'"));
  EXPECT_EQ(get("/v2/models/bert/versions/0").status, 400);
}

TEST_F(KServeTest, AModelIsReadyWhenItIsLoaded) {
  for (const std::string path : {"/v2/models/bert/ready", "/v2/models/bert/versions/2/ready"}) {
    const auto ready = get(path);
    EXPECT_EQ(ready.status, 200);
    EXPECT_EQ(ready.body, "");
  }
  EXPECT_FALSE(asked<service::Describe>().facts);
  const auto unready = get("/v2/models/resnet/ready");
  EXPECT_EQ(unready.status, 400);
  EXPECT_EQ(unready.body, "");
  EXPECT_EQ(get("/v2/models/no/ready").status, 404);
}

TEST_F(KServeTest, AModelHasAConfiguration) {
  EXPECT_EQ(get("/v2/models/bert/config").body,
            R"({"name":"bert","platform":"accel_native","backend":"accel","max_batch_size":0,)"
            R"("input":[{"name":"input_ids","data_type":"TYPE_INT64","dims":[-1,-1],)"
            R"("optional":false},{"name":"attention_mask","data_type":"TYPE_INT64",)"
            R"("dims":[-1,-1],"optional":true}],)"
            R"("output":[{"name":"logits","data_type":"TYPE_FP32","dims":[-1,2]}],)"
            R"("parameters":{"task":{"string_value":"text-classification"},)"
            R"("embedding_size":{"string_value":"0"}}})");
  EXPECT_EQ(json_of("/v2/models/bert/versions/2/config")["name"], "bert");
}

TEST_F(KServeTest, StatisticsAreOfLoadedModels) {
  const std::string expected =
      R"({"model_stats":[{"name":"bert","version":"2","last_inference":0,"inference_count":9,)"
      R"("execution_count":4,"inference_stats":{"success":{"count":9,"ns":0},)"
      R"("fail":{"count":3,"ns":0},"queue":{"count":9,"ns":0},)"
      R"("compute_input":{"count":9,"ns":0},"compute_infer":{"count":9,"ns":750000000},)"
      R"("compute_output":{"count":9,"ns":0},"cache_hit":{"count":0,"ns":0},)"
      R"("cache_miss":{"count":0,"ns":0}},"batch_stats":[]}]})";
  EXPECT_EQ(get("/v2/models/stats").body, expected);
  EXPECT_EQ(asked<service::Describe>().model, "");
  EXPECT_EQ(get("/v2/models/bert/stats").body, expected);
  EXPECT_EQ(get("/v2/models/bert/versions/2/stats").body, expected);
  const auto none = get("/v2/models/resnet/stats");
  EXPECT_EQ(none.status, 400);
  EXPECT_THAT(error_of(none), HasSubstr("resnet: not loaded"));
}

TEST_F(KServeTest, TheIndexHasEveryModel) {
  const std::string path = "/v2/repository/index";
  for (const std::string body : {"", "{}", R"({"ready": false})", R"({"ready": null, "x": 1})"}) {
    EXPECT_EQ(post(path, body).body,
              R"([{"name":"bert","version":"2","state":"READY","reason":""},)"
              R"({"name":"resnet","version":"1","state":"UNAVAILABLE","reason":"unloaded"},)"
              R"({"name":"x","version":"1","state":"UNAVAILABLE","reason":"no such folder"}])");
  }
  EXPECT_EQ(post(path, R"({"ready": true})").body,
            R"([{"name":"bert","version":"2","state":"READY","reason":""}])");
  EXPECT_THAT(error_of(post(path, R"({"ready": 1})")), HasSubstr("ready: expected"));
  EXPECT_EQ(post(path, "[]").status, 400);
}

TEST_F(KServeTest, ModelsAreLoadedAndUnloaded) {
  const std::string load = "/v2/repository/models/bert/load";
  for (const std::string body : {"", "{}", R"({"parameters": {}})"}) {
    const auto response = post(load, body);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(asked<service::Load>().model, "bert");
  }
  const std::string unload = "/v2/repository/models/bert/unload";
  for (const std::string body : {"", R"({"parameters": {"unload_dependents": true}})"}) {
    EXPECT_EQ(post(unload, body).status, 200);
    EXPECT_EQ(asked<service::Unload>().model, "bert");
  }
  service_.requests.clear();
  EXPECT_THAT(error_of(post(load, R"({"parameters": {"config": "{}"}})")), HasSubstr("'config'"));
  EXPECT_THAT(error_of(post(load, R"({"parameters": {"file:1/a.onnx": "AA=="}})")),
              HasSubstr("no configuration and no files"));
  EXPECT_THAT(error_of(post(unload, R"({"parameters": {"unload_dependents": 1}})")),
              HasSubstr("expected true or false"));
  EXPECT_THAT(error_of(post(unload, R"({"parameters": {"x": 1}})")), HasSubstr("'x'"));
  EXPECT_TRUE(service_.requests.empty());
}

TEST_F(KServeTest, LoadingIsForWhoMayChangeTheServer) {
  for (const Endpoint& one : endpoints()) {
    if (!one.path.starts_with("/v2")) continue;
    const bool changes = one.path.ends_with("load");  // and "unload"
    EXPECT_EQ(one.scope == Scope::kAdmin, changes) << one.path;
  }
}

}  // namespace
}  // namespace accel::server
