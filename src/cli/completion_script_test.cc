#include "cli/completion_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands.h"

namespace accel::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<CommandDescription> kCommands{
    {.name = "serve",
     .summary = "models over HTTP: it's all [here]",
     .usage = "accel serve [FLAGS] [MODEL...]",
     .flags = {{"--http", "ADDRESS:PORT", "where to listen; port 0"},
               {"--precision", "auto|f32", "arithmetic"},
               {"--keys", "FILE", "who shows one"},
               {"--lazy", "", "later"}},
     .arguments = {{.name = "MODEL", .help = "what", .repeated = true}}},
    {.name = "keys",
     .summary = "keys",
     .usage = "accel keys ACTION",
     .arguments = {{.name = "ACTION", .help = "what", .required = true, .words = {"list", "new"}},
                   {.name = "NAME", .help = "whose"}}}};

TEST(Completed, IsWhatTheValueSays) {
  using enum CompletedKind;
  const auto flag = [](const char* value) { return completed_of(DescribedFlag{"--x", value, ""}); };
  EXPECT_EQ(flag("auto|f32|bf16"), (Completed{kWords, {"auto", "f32", "bf16"}}));
  EXPECT_EQ(flag("FILE|-"), Completed{kFiles});
  EXPECT_EQ(flag("FILE"), Completed{kFiles});
  EXPECT_EQ(flag("N"), Completed{kAny});
  EXPECT_EQ(flag("NAME=VALUE,..."), Completed{kAny});
  const auto argument = [](const char* name, std::vector<std::string> words) {
    return completed_of(DescribedArgument{.name = name, .help = "", .words = std::move(words)});
  };
  EXPECT_EQ(argument("MODEL", {}), Completed{kModels});
  EXPECT_EQ(argument("MODEL", {"a"}), (Completed{kWords, {"a"}}));
  EXPECT_EQ(argument("INPUT", {}), Completed{kFiles});
  EXPECT_EQ(argument("TEXT", {}), Completed{kAny});
}

TEST(CompletionScript, OfBashKnowsEveryPlace) {
  const std::string script = bash_completion(kCommands);
  EXPECT_THAT(script, HasSubstr("_accel_commands='serve keys'"));
  EXPECT_THAT(script, HasSubstr("    'serve --precision') echo 'words auto f32' ;;"));
  EXPECT_THAT(script, HasSubstr("    'serve --keys') echo 'files' ;;"));
  EXPECT_THAT(script, Not(HasSubstr("'serve --lazy')")));
  EXPECT_THAT(script, HasSubstr("    serve' '*) echo 'models' ;;"));
  EXPECT_THAT(script, HasSubstr("    keys' '0) echo 'words list new' ;;"));
}

TEST(CompletionScript, OfZshEscapesTexts) {
  const std::string script = zsh_completion(kCommands);
  EXPECT_THAT(script, HasSubstr("'--http[where to listen]:ADDRESS\\:PORT: '"));
  EXPECT_THAT(script, HasSubstr("'--precision[arithmetic]:auto|f32:(auto f32)'"));
  EXPECT_THAT(script, HasSubstr("'--lazy[later]'"));
  EXPECT_THAT(script, HasSubstr("'*:MODEL:_accel_models'"));
}

TEST(CompletionScript, OfFishHasALineForEach) {
  const std::string script = fish_completion(kCommands);
  EXPECT_THAT(script, HasSubstr("-a serve -d 'models over HTTP'\n"));
  EXPECT_THAT(script, HasSubstr("'__fish_seen_subcommand_from serve' -l precision -d 'arithmetic' "
                                "-r -f -a 'auto f32'\n"));
  EXPECT_THAT(script, HasSubstr("from keys' -f -a 'list new'\n"));
}

TEST(Commands, AllDescribeThemselvesWithoutRunning) {
  const auto described = describe_commands();
  ASSERT_TRUE(described.ok()) << described.status().to_string();
  ASSERT_EQ(described->size(), commands().size());
  for (size_t i = 0; i < described->size(); ++i) {
    EXPECT_EQ((*described)[i].name, commands()[i].name);
    EXPECT_EQ((*described)[i].flags.back().name, "--help");
  }
}

}  // namespace
}  // namespace accel::cli
