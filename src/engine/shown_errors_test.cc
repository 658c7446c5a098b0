#include "engine/shown_errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/engine_fixture.h"
#include "engine/local_service.h"

namespace accel {
namespace {

using engine::NamedPath;
using engine::with_names;
using testing::HasSubstr;
using testing::Not;

TEST(WithNames, APathIsReplacedWhereItStandsAlone) {
  const std::vector<NamedPath> paths{
      {"/srv/models/bert", "bert"}, {"/srv/models", "models"}, {"here/bert", "bert"}};
  EXPECT_EQ(with_names("reading /srv/models/bert/config.json: no", paths),
            "reading bert/config.json: no");
  EXPECT_EQ(with_names("/srv/models/bert: no", paths), "bert: no");
  EXPECT_EQ(with_names("'/srv/models/bert', /srv/models/bert.", paths), "'bert', bert.");
  EXPECT_EQ(with_names("here/bert/a in there/bert", paths), "bert/a in there/bert");
  EXPECT_EQ(with_names("/srv/models/bert-large /srv/models/bert.onnx", paths),
            "models/bert-large models/bert.onnx");
  EXPECT_EQ(with_names("/x/srv/models/bert /srv/model", paths), "/x/srv/models/bert /srv/model");
  EXPECT_EQ(with_names("output '/encoder/layer/0'", paths), "output '/encoder/layer/0'");
  EXPECT_EQ(with_names("", paths), "");
}

class ShownErrorsTest : public EngineTest {
 protected:
  ShownErrorsTest() {
    namespace fs = std::filesystem;
    fs::create_directories(folder_.parent_path());
    fs::copy(kBert, folder_, fs::copy_options::recursive);
    std::ofstream(folder_ / "config.json") << "{";
    const Status defined = manager_->define({.name = "broken", .load = {.path = folder_.string()}});
    EXPECT_TRUE(defined.ok()) << defined.to_string();
  }

  Status error_of(service::Request request) {
    const auto stream = service_->submit(std::move(request));
    const auto event = next(*stream);
    return event ? event->status() : internal_error("the stream ended without an event");
  }

  const models::ScratchFolder scratch_;
  const std::filesystem::path folder_ = scratch_.path() / "of a user" / "bert";
  const std::unique_ptr<ModelManager> manager_ = *ModelManager::create(*engine_);
  std::vector<std::string> said_;
  const std::unique_ptr<service::InferenceService> service_ = engine::make_local_service(
      *engine_, *manager_,
      {.say = [this](std::string_view sentence) { said_.emplace_back(sentence); }});
};

TEST_F(ShownErrorsTest, ClientsSeeTheModelsNameAndTheLogWhereItLies) {
  const std::vector<service::Request> requests{
      service::Load{"broken"}, service::Load{"broken:1"}, service::Tokenize{"broken", {"a"}},
      service::RunItems{"broken", {{.text = "a"}}}, service::Describe{"broken", true}};
  for (const service::Request& request : requests) {
    const Status error = error_of(request);
    EXPECT_FALSE(error.ok());
    EXPECT_THAT(error.message(), HasSubstr("broken"));
    EXPECT_THAT(error.message(), HasSubstr("config.json"));
    EXPECT_THAT(error.message(), Not(HasSubstr(scratch_.path().string())));
    EXPECT_THAT(error.message(), Not(HasSubstr("of a user")));
  }
  const auto stream = service_->submit(service::Describe{});
  const auto models = std::get<service::ServedModels>(**next(*stream));
  EXPECT_FALSE(models.models[0].state.failure.ok());
  EXPECT_THAT(models.models[0].state.failure.message(), Not(HasSubstr("of a user")));
  ASSERT_FALSE(said_.empty());
  EXPECT_THAT(said_[0], HasSubstr("model 'broken': "));
  EXPECT_THAT(said_[0], HasSubstr((folder_ / "config.json").string()));
}

TEST_F(ShownErrorsTest, ItIsSaidOnce) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(error_of(service::Load{"broken"}).ok());
  EXPECT_EQ(said_.size(), 1);
}

TEST_F(ShownErrorsTest, OfAModelThatIsNotThereOnlyTheNameIsTold) {
  ASSERT_TRUE(manager_->define({.name = "gone", .load = {.path = "/srv/of/somebody"}}).ok());
  const Status error = error_of(service::Load{"gone"});
  EXPECT_EQ(error.code(), StatusCode::kNotFound);
  EXPECT_THAT(error.message(), HasSubstr("gone: expected a model"));
  EXPECT_THAT(error.message(), Not(HasSubstr("/srv")));
}

TEST_F(ShownErrorsTest, AnErrorThatOutlivesTheServiceIsAsItWas) {
  engine::ShownErrors errors(*manager_, {});
  errors.end();
  const Status status = not_found(folder_.string());
  EXPECT_EQ(errors.shown("broken", status).message(), folder_.string());
}

}  // namespace
}  // namespace accel
