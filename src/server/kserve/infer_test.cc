// Inference as REST and gRPC have it in common: what is asked of the service, and what becomes of
// its events.
#include "server/kserve/infer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/service_double.h"

namespace accel::server::kserve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr RequestLimits kLimits{.items_max = 4, .tensor_bytes_max = 64};

InferInput numbers(std::string name, Shape shape) {
  return {std::move(name), Tensor::allocate(DType::kI64, std::move(shape))};
}

InferInput strings(std::string name, Shape shape, std::vector<std::string> values) {
  return {std::move(name), Strings{std::move(shape), std::move(values)}};
}

InferInput strings(std::string name, std::vector<std::string> values) {
  const auto count = static_cast<int64_t>(values.size());
  return strings(std::move(name), {count}, std::move(values));
}

InferRequest asking(std::vector<InferInput> inputs, Parameters parameters = {}) {
  return {.model = "m", .parameters = std::move(parameters), .inputs = std::move(inputs)};
}

service::RunItems items_asked(InferRequest request) {
  Result<InferCall> call = call_of(std::move(request), kLimits);
  EXPECT_TRUE(call.ok()) << call.status().to_string();
  return call.ok() ? std::get<service::RunItems>(call->request) : service::RunItems();
}

std::string refusal(InferRequest request) {
  const Result<InferCall> call = call_of(std::move(request), kLimits);
  EXPECT_EQ(call.status().code(), StatusCode::kInvalidArgument);
  return call.status().message();
}

TEST(InferCall, NumbersAreTensorsForTheGraph) {
  InferRequest request = asking({numbers("a", {2, 2}), numbers("b", {1})},
                                {{"timeout", 2500}, {"priority", 3}, {"custom", "x"}});
  request.version = "7";
  const Result<InferCall> call = call_of(std::move(request), kLimits);
  ASSERT_TRUE(call.ok()) << call.status().to_string();
  const auto& run = std::get<service::RunTensors>(call->request);
  EXPECT_EQ(run.model, "m:7");
  EXPECT_EQ(run.timeout_ms, 2.5);
  ASSERT_EQ(run.inputs.size(), 2);
  EXPECT_EQ(run.inputs[0].name, "a");
  EXPECT_EQ(run.inputs[0].tensor.shape(), (Shape{2, 2}));
}

TEST(InferCall, InputsMustAgree) {
  EXPECT_THAT(refusal(asking({})), HasSubstr("at least one"));
  EXPECT_THAT(refusal(asking({numbers("a", {1}), numbers("a", {1})})), HasSubstr("given twice"));
  EXPECT_THAT(refusal(asking({numbers("a", {1}), strings("text", {"x"})})),
              HasSubstr("'a' of INT64 and 'text' of BYTES"));
  EXPECT_THAT(refusal(asking({numbers("a", {9})})), HasSubstr("64 bytes together"));
  EXPECT_THAT(refusal(asking({numbers("a", {5}), numbers("b", {4})})),
              HasSubstr("64 bytes together"));
  EXPECT_THAT(refusal(asking({numbers("a", {1})}, {{"task", "feature-extraction"}})),
              HasSubstr("'task'"));
}

TEST(InferCall, VersionsAreNumbers) {
  EXPECT_EQ(*service_name("m", ""), "m");
  EXPECT_EQ(*service_name("m", "12"), "m:12");
  for (const std::string version : {"0", "-1", "x", "1x", "99999999999"}) {
    EXPECT_THAT(service_name("m", version).status().message(), HasSubstr("'" + version + "'"));
  }
  EXPECT_FALSE(service_name("", "1").ok());
}

TEST(InferCall, StringsAreItemsOfTheTask) {
  const service::RunItems run = items_asked(asking({strings("text", {2, 1}, {"a", "b"})}));
  EXPECT_EQ(run.model, "m");
  EXPECT_EQ(run.how.task, "");
  EXPECT_EQ(run.how.priority, 0);
  EXPECT_FALSE(run.how.timeout_ms);
  ASSERT_EQ(run.items.size(), 2);
  EXPECT_EQ(run.items[1].text, "b");
  EXPECT_FALSE(run.items[1].second_text);
  EXPECT_FALSE(run.items[1].media);
}

TEST(InferCall, PartsHaveTheNamesOfTheHub) {
  for (const std::string name : {"question", "query", "prompt", "text"}) {
    EXPECT_EQ(items_asked(asking({strings(name, {"a"})})).items[0].text, "a");
  }
  for (const std::string name : {"context", "text_pair", "second_text"}) {
    const auto run = items_asked(asking({strings("text", {"a"}), strings(name, {"b"})}));
    EXPECT_EQ(run.items[0].second_text, "b");
  }
  for (const std::string name : {"image", "audio", "media"}) {
    EXPECT_EQ(items_asked(asking({strings(name, {"\xFF\xD8"})})).items[0].media, "\xFF\xD8");
  }
  EXPECT_THAT(refusal(asking({strings("texts", {"a"})})), HasSubstr("did you mean text?"));
  EXPECT_THAT(refusal(asking({strings("text", {"a"}), strings("query", {"b"})})),
              HasSubstr("same part"));
}

TEST(InferCall, ListsAreOfEachItemOrOfAll) {
  const auto labels = [](Shape shape, std::vector<std::string> values) {
    return asking({strings("text", {"a", "b"}),
                   strings("candidate_labels", std::move(shape), std::move(values))});
  };
  const auto shared = items_asked(labels({2}, {"x", "y"}));
  EXPECT_THAT(shared.items[0].choices, ElementsAre("x", "y"));
  EXPECT_THAT(shared.items[1].choices, ElementsAre("x", "y"));
  const auto own = items_asked(labels({2, 2}, {"x", "y", "z", "w"}));
  EXPECT_THAT(own.items[0].choices, ElementsAre("x", "y"));
  EXPECT_THAT(own.items[1].choices, ElementsAre("z", "w"));
  const auto ranked = items_asked(
      asking({strings("query", {1, 1}, {"q"}), strings("documents", {1, 3}, {"x", "y", "z"})}));
  EXPECT_THAT(ranked.items[0].choices, ElementsAre("x", "y", "z"));

  EXPECT_THAT(refusal(labels({1, 2}, {"x", "y"})), HasSubstr("[2, k]"));
  EXPECT_THAT(refusal(labels({}, {"x"})), HasSubstr("[2, k]"));
  EXPECT_THAT(refusal(labels({3}, {"x", "y", "z"})), HasSubstr("found 2 times 3"));
  EXPECT_THAT(refusal(labels({1}, {std::string(40, 'x')})), HasSubstr("64 bytes"));
  EXPECT_THAT(refusal(asking({strings("documents", {"x"})})), HasSubstr("only a list"));
}

TEST(InferCall, ItemsAreCounted) {
  EXPECT_THAT(refusal(asking({strings("text", {"a", "b", "c", "d", "e"})})),
              HasSubstr("at most 4 items, found 5"));
  EXPECT_THAT(refusal(asking({strings("text", {0}, {})})), HasSubstr("at least one item"));
  EXPECT_THAT(refusal(asking({strings("text", {1, 2}, {"a", "b"})})), HasSubstr("[n, 1]"));
  EXPECT_THAT(refusal(asking({strings("text", {}, {"a"})})), HasSubstr("[n, 1]"));
  EXPECT_THAT(refusal(asking({strings("question", {"a", "b"}), strings("context", {"c"})})),
              HasSubstr("expected 2 items"));
}

TEST(InferCall, ParametersAreTheTaskAndItsOptions) {
  const service::RunItems run =
      items_asked(asking({strings("text", {"a"})}, {{"task", "fill-mask"},    {"top_k", 3},
                                                    {"normalize", false},     {"dimensions", 8},
                                                    {"prompt", "query"},      {"function", "none"},
                                                    {"threshold", 1},         {"multi_label", true},
                                                    {"hypothesis", "{}"},     {"pool", true},
                                                    {"window_tokens", 64},    {"stride_tokens", 8},
                                                    {"aggregation", "max"},   {"no_answer", true},
                                                    {"timestamps", "word"},   {"targets", "a , b,"},
                                                    {"max_answer_tokens", 5}, {"strict_utf8", true},
                                                    {"priority", 3},          {"timeout", 1},
                                                    {"anything else", 1.5}}));
  EXPECT_EQ(run.how.task, "fill-mask");
  EXPECT_EQ(run.how.priority, -2);
  EXPECT_EQ(run.how.timeout_ms, 0.001);
  const TaskOptions& options = run.how.options;
  EXPECT_EQ(options.top_k, 3);
  EXPECT_EQ(options.normalize, false);
  EXPECT_EQ(options.dimensions, 8);
  EXPECT_EQ(options.prompt, "query");
  EXPECT_EQ(options.function, "none");
  EXPECT_EQ(options.threshold, 1.0);
  EXPECT_EQ(options.multi_label, true);
  EXPECT_EQ(options.hypothesis, "{}");
  EXPECT_EQ(options.pool, true);
  EXPECT_EQ(options.window_tokens, 64);
  EXPECT_EQ(options.stride_tokens, 8);
  EXPECT_EQ(options.aggregation, "max");
  EXPECT_EQ(options.no_answer, true);
  EXPECT_EQ(options.timestamps, "word");
  EXPECT_THAT(*options.targets, ElementsAre("a", "b"));
  EXPECT_EQ(options.max_answer_tokens, 5);
  EXPECT_TRUE(options.strict_utf8);
}

TEST(InferCall, ParametersHaveKinds) {
  const auto with = [](const char* name, Parameter value) {
    return asking({strings("text", {"a"})}, {{name, std::move(value)}});
  };
  EXPECT_THAT(refusal(with("task", 1)), HasSubstr("'task': expected a string, found an integer"));
  EXPECT_THAT(refusal(with("top_k", "3")), HasSubstr("expected an integer, found a string"));
  EXPECT_THAT(refusal(with("top_k", 3.5)), HasSubstr("found a number"));
  EXPECT_THAT(refusal(with("normalize", 1)), HasSubstr("expected true or false"));
  EXPECT_THAT(refusal(with("threshold", "high")), HasSubstr("expected a number"));
  EXPECT_THAT(refusal(with("targets", true)), HasSubstr("found true or false"));
  EXPECT_THAT(refusal(with("strict_utf8", "yes")), HasSubstr("expected true or false"));
  EXPECT_THAT(refusal(with("priority", -1)), HasSubstr("found -1"));
  EXPECT_THAT(refusal(with("timeout", -1)), HasSubstr("microseconds"));
  EXPECT_EQ(items_asked(with("timeout", 0)).how.timeout_ms, std::nullopt);
  EXPECT_EQ(items_asked(with("priority", 0)).how.priority, 0);
  EXPECT_EQ(items_asked(with("priority", 1)).how.priority, 0);
  EXPECT_EQ(items_asked(with("priority", INT64_MAX)).how.priority, -999'999);
}

TEST(InferCall, WhatIsNotThereIsRefused) {
  const auto with = [](const char* name, Parameter value) {
    return asking({strings("text", {"a"})}, {{name, std::move(value)}});
  };
  EXPECT_THAT(refusal(with("sequence_id", 5)), HasSubstr("'sequence_id'"));
  EXPECT_THAT(refusal(with("sequence_id", "s")), HasSubstr("stand alone"));
  EXPECT_THAT(refusal(with("sequence_start", true)), HasSubstr("'sequence_start'"));
  items_asked(with("sequence_id", 0));
  items_asked(with("sequence_end", false));
  EXPECT_TRUE(refuse_shared_memory({{"shared", 1}, {"shared_memory", 1}}).ok());
  EXPECT_THAT(refuse_shared_memory({{"shared_memory_offset", 1}}).message(),
              HasSubstr("'shared_memory_offset'"));

  InferRequest twice = asking({strings("text", {"a"})});
  twice.outputs = {{"answer"}, {"answer"}};
  EXPECT_THAT(refusal(std::move(twice)), HasSubstr("asked for twice"));
  InferRequest negative = asking({strings("text", {"a"})});
  negative.outputs = {{"answer", -1}};
  EXPECT_THAT(refusal(std::move(negative)), HasSubstr("'classification'"));
}

ItemResult item_of(TaskResult result) { return {.result = std::move(result)}; }

ItemResult features(Shape shape, float first) {
  Tensor values = Tensor::allocate(DType::kF32, std::move(shape));
  reinterpret_cast<float*>(values.mutable_data())[0] = first;
  return item_of({.answer = Features{values}});
}

Result<InferAnswer> answer_of(const std::vector<ItemResult>& items,
                              std::vector<WantedOutput> wanted = {}) {
  InferCollector collector({.model = "m", .version = "1", .id = "i"}, std::move(wanted),
                           items.size());
  for (size_t i = items.size(); i > 0; --i) {
    EXPECT_TRUE(collector.take(service::ItemAnswer{i - 1, items[i - 1]}).ok());
  }
  return collector.finish();
}

TEST(InferAnswer, EmbeddingsAreOneTensor) {
  const auto answer = answer_of({embedding_result(0), embedding_result(1)});
  ASSERT_TRUE(answer.ok()) << answer.status().to_string();
  EXPECT_EQ(answer->model, "m");
  EXPECT_EQ(answer->version, "1");
  EXPECT_EQ(answer->id, "i");
  EXPECT_TRUE(answer->parameters.empty());
  ASSERT_EQ(answer->outputs.size(), 1);
  EXPECT_EQ(answer->outputs[0].name, "sentence_embedding");
  const auto& tensor = std::get<Tensor>(answer->outputs[0].data);
  EXPECT_EQ(tensor.shape(), (Shape{2, 3}));
  EXPECT_THAT(tensor.data<float>(), ElementsAre(0, 0.5F, 0.5F, 1, 0.5F, 0.5F));
}

TEST(InferAnswer, FeaturesAreOneTensorWhereTheyAreShapedAlike) {
  auto answer = answer_of({features({1, 2, 2}, 1), features({1, 2, 2}, 2)});
  EXPECT_EQ(answer->outputs[0].name, "last_hidden_state");
  const auto& states = std::get<Tensor>(answer->outputs[0].data);
  EXPECT_EQ(states.shape(), (Shape{2, 2, 2}));
  EXPECT_THAT(states.data<float>(), ElementsAre(1, 0, 0, 0, 2, 0, 0, 0));

  answer = answer_of({features({1, 4}, 1)});
  EXPECT_EQ(answer->outputs[0].name, "pooler_output");
  EXPECT_EQ(shape_of(answer->outputs[0].data), (Shape{1, 4}));

  answer = answer_of({features({1, 1, 2}, 1), features({1, 2, 2}, 2)});
  EXPECT_EQ(answer->outputs[0].name, "answer");
  const auto& ragged = std::get<Strings>(answer->outputs[0].data);
  EXPECT_THAT(ragged.values[0], HasSubstr("[[["));

  // The tokens of a multi-vector-embedding.
  answer = answer_of({features({3, 2}, 1), features({3, 2}, 2)});
  EXPECT_EQ(answer->outputs[0].name, "answer");
}

TEST(InferAnswer, OtherAnswersAreJson) {
  const auto label = [](const char* name, bool truncated) {
    return item_of({.answer = Labels{{name, 0.5}}, .truncated = truncated});
  };
  const auto answer = answer_of({label("A", false), label("B", true)});
  EXPECT_EQ(answer->outputs[0].name, "answer");
  const auto& texts = std::get<Strings>(answer->outputs[0].data);
  EXPECT_EQ(texts.shape, (Shape{2}));
  EXPECT_EQ(texts.values[0], to_json({.answer = Labels{{"A", 0.5}}}));
  EXPECT_EQ(answer->parameters, (Parameters{{"truncated", true}}));
}

TEST(InferAnswer, AnItemThatFailsFailsAll) {
  InferCollector collector({}, {}, 2);
  const Status failed = collector.take(service::ItemAnswer{1, invalid_argument("too long")});
  EXPECT_EQ(failed.message(), "input[1]: too long");
}

TEST(InferAnswer, OutputsComeAsTheyWereWanted) {
  const auto answer = [](std::vector<WantedOutput> wanted) {
    InferCollector collector({.model = "m"}, std::move(wanted), 0);
    InferResult result;
    result.outputs = {{"a", Tensor::from<float>({1, 2}, std::vector<float>{1, 2})},
                      {"b", Tensor::allocate(DType::kI64, {1})},
                      {"c", Tensor::allocate(DType::kF32, {1})}};
    EXPECT_TRUE(collector.take(std::move(result)).ok());
    return collector.finish();
  };
  EXPECT_EQ(answer({})->outputs.size(), 3);
  const auto some = answer({{"c"}, {"a", 1}});
  ASSERT_EQ(some->outputs.size(), 2);
  EXPECT_EQ(some->outputs[0].name, "c");
  EXPECT_THAT(std::get<Strings>(some->outputs[1].data).values, ElementsAre("2.000000:1"));
  EXPECT_EQ(answer({{"d"}}).status().message(), "outputs: expected some of a, b, c, found 'd'");
  EXPECT_EQ(answer({{"d"}}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(answer({{"b", 2}}).status().message(), HasSubstr("output 'b': classification"));
  EXPECT_THAT(answer_of({item_of({.answer = Labels{}})}, {{"answer", 2}}).status().message(),
              HasSubstr("found BYTES"));
}

TEST(InferAnswer, FurtherOutputsComeWhenAskedFor) {
  ItemResult second = embedding_result(1);
  second.tokens = 7;
  second.result.truncated = true;
  auto answer = answer_of({embedding_result(0), second}, {{"truncated"}, {"tokens"}});
  ASSERT_TRUE(answer.ok()) << answer.status().to_string();
  ASSERT_EQ(answer->outputs.size(), 2);
  const auto& truncated = std::get<Tensor>(answer->outputs[0].data);
  EXPECT_THAT(truncated.data<uint8_t>(), ElementsAre(0, 1));
  EXPECT_EQ(std::get<Tensor>(answer->outputs[1].data).data<int64_t>()[1], 7);

  const auto map_of = [](int64_t width) {
    Segmentation map{.width = width, .height = 1, .segments = {}};
    map.classes.assign(static_cast<size_t>(width), 300);
    return item_of({.answer = std::move(map)});
  };
  answer = answer_of({map_of(2), map_of(2)}, {{"answer"}, {"class_map"}});
  ASSERT_TRUE(answer.ok()) << answer.status().to_string();
  const auto& classes = std::get<Tensor>(answer->outputs[1].data);
  EXPECT_EQ(classes.dtype(), DType::kU16);
  EXPECT_EQ(classes.shape(), (Shape{2, 1, 2}));
  EXPECT_THAT(answer_of({map_of(2), map_of(3)}, {{"class_map"}}).status().message(),
              HasSubstr("output 'class_map': expected images of one size"));
  EXPECT_FALSE(answer_of({embedding_result(0)}, {{"class_map"}}).ok());

  const auto object = [](int64_t id) {
    return item_of({.answer = DetectedObjects{{.label = "cat", .class_id = id}}});
  };
  answer = answer_of({object(17), object(3)}, {{"class_ids"}});
  ASSERT_TRUE(answer.ok()) << answer.status().to_string();
  EXPECT_THAT(std::get<Tensor>(answer->outputs[0].data).data<int64_t>(), ElementsAre(17, 3));
  EXPECT_FALSE(answer_of({map_of(1)}, {{"class_ids"}}).ok());
}

TEST(InferAnswer, EventsOfAnotherKindAreFaultsOfOurs) {
  InferCollector tensors({}, {}, 0);
  EXPECT_EQ(tensors.take(service::ItemAnswer{0, embedding_result(0)}).code(),
            StatusCode::kInternal);
  InferCollector items({}, {}, 1);
  EXPECT_EQ(items.take(InferResult()).code(), StatusCode::kInternal);
  EXPECT_EQ(items.take(service::Done()).code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace accel::server::kserve
