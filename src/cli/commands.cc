#include "cli/commands.h"
#include "base/suggestion.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/try.h"
#include "cli/table.h"

namespace accel::cli {
namespace {

constexpr std::array<Command, 30> kCommands{{
    {"advise", "why a model is not faster here, and what each remedy gains", run_advise},
    {"alias", "short names for models", run_alias},
    {"bench", "how fast a model answers: latency, throughput, memory", run_bench},
    {"cache", "what is kept of converted and compiled models", run_cache},
    {"compare", "two settings or two results of bench: times, their ratio, and other answers",
     run_compare},
    {"completion", "scripts that let a shell complete accel's commands", run_completion},
    {"config", "the options that hold, where each comes from, and files of them", run_config},
    {"convert", "any model to OpenVINO IR, with weights of f32, f16, bf16, int8 or int4",
     run_convert},
    {"devices", "the devices of this machine and what each can run", run_devices},
    {"doctor", "check the installation and say how to mend it", run_doctor},
    {"embed", "texts to sentence embeddings", run_embed},
    {"explain", "what was chosen for a model here and why, and how each layer runs", run_explain},
    {"families", "the model families that this build loads", run_families},
    {"help", "this list, or the help of a command", run_help},
    {"infer", "run a model on raw tensors from a file", run_infer},
    {"keys", "keys for accel serve: make, list and revoke them", run_keys},
    {"list", "the models that were pulled, with revision, size and last use", run_list},
    {"models", "the models of a folder tree or of the Hub's cache", run_models},
    {"profile", "what each layer and kernel of a model takes", run_profile},
    {"pull", "get a model from a hub into the cache", run_pull},
    {"rm", "delete a pulled model", run_rm},
    {"run", "what a model is for, on texts, images or sounds: labels, answers, objects", run_run},
    {"self-test", "prove that this installation computes right", run_self_test},
    {"serve", "models over HTTP: OpenAI's, Hugging Face's, Ollama's and KServe's protocols",
     run_serve},
    {"show", "the facts of a model folder", run_show},
    {"similarity", "compare texts by their embeddings", run_similarity},
    {"status", "whether acceleration is on, and what of eight kinds of hardware is here",
     run_status},
    {"tokenize", "show how a model cuts text into tokens", run_tokenize},
    {"top", "what a running server does: models, devices, rates, times", run_top},
    {"version", "the versions of accel and its engines", run_version},
}};

}  // namespace

Result<std::vector<CommandDescription>> describe_commands() {
  std::vector<CommandDescription> descriptions;
  for (Command command : kCommands) {
    command.description = &descriptions.emplace_back();
    ACCEL_TRY(command.run(command, {}).with_context(command.name));
  }
  return descriptions;
}

std::span<const Command> commands() { return kCommands; }

Result<const Command*> find_command(std::string_view name) {
  const auto found = std::ranges::find(kCommands, name, &Command::name);
  if (found != kCommands.end()) return &*found;
  std::vector<std::string_view> names;
  for (const Command& command : kCommands) names.push_back(command.name);
  return invalid_argument(fmt::format("unknown command '{}'{}; accel help lists the commands",
                                      printable(name), did_you_mean(name, names)));
}

}  // namespace accel::cli
