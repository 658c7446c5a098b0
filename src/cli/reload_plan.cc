#include "cli/reload_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace accel::cli {
namespace {

std::string name_of_step(const ServedDefinition& one) {
  const ModelDefinition& definition = one.definition;
  return one.versioned ? fmt::format("{}:{}", definition.name, definition.version)
                       : definition.name;
}

std::map<std::string, ModelDefinition> definitions_of(const ServedSetup& setup) {
  std::map<std::string, ModelDefinition> definitions;
  for (const ServedDefinition& one : setup.models) {
    definitions[name_of_step(one)] = one.definition;
  }
  return definitions;
}

std::map<std::string, std::string> targets_of(const ServedSetup& setup) {
  std::map<std::string, std::string> targets;
  for (const ModelAlias& alias : setup.aliases) targets[alias.name] = alias.target;
  return targets;
}

std::vector<std::string_view> names_of(std::span<const ReloadStep> steps,
                                       std::initializer_list<ReloadKind> kinds) {
  std::vector<std::string_view> names;
  for (const ReloadStep& step : steps) {
    if (std::ranges::find(kinds, step.kind) != kinds.end()) names.push_back(step.name);
  }
  return names;
}

}  // namespace

std::map<std::string, std::string> fixed_options(const Config& config) {
  std::set<std::string> keys{"memory_bytes_max"};  // a model has one of its own beside
  for (const OptionReport& option : Config::options()) {
    if (!option.per_model) keys.insert(option.key);
  }
  std::map<std::string, std::string> fixed;
  for (const EffectiveOption& option : config.effective()) {
    if (keys.contains(option.key)) fixed[option.key] = option.value;
  }
  return fixed;
}

std::vector<ReloadStep> plan_reload(const ServedSetup& before, const ServedSetup& after) {
  std::vector<ReloadStep> steps;
  const auto were = definitions_of(before);
  const auto are = definitions_of(after);
  for (const ServedDefinition& one : after.models) {
    const std::string name = name_of_step(one);
    const auto was = were.find(name);
    if (was == were.end()) {
      steps.push_back({ReloadKind::kAdd, name});
    } else if (was->second != one.definition) {
      steps.push_back({ReloadKind::kReplace, name});
    }
  }
  for (const ServedDefinition& one : before.models) {
    const std::string name = name_of_step(one);
    if (!are.contains(name)) steps.push_back({ReloadKind::kRemove, name});
  }
  const auto led = targets_of(before);
  const auto lead = targets_of(after);
  for (const auto& [name, target] : after.aliases) {
    const auto was = led.find(name);
    if (was == led.end() || was->second != target) steps.push_back({ReloadKind::kAlias, name});
  }
  for (const auto& [name, target] : before.aliases) {
    if (!lead.contains(name)) steps.push_back({ReloadKind::kUnalias, name});
  }
  for (const auto& [key, value] : after.fixed) {
    const auto was = before.fixed.find(key);
    if (was != before.fixed.end() && was->second != value) {
      steps.push_back({ReloadKind::kRestart, key});
    }
  }
  std::ranges::stable_sort(steps, {}, &ReloadStep::kind);
  return steps;
}

ModelChanges changes_of(std::span<const ReloadStep> steps, const ServedSetup& after) {
  ModelChanges changes;
  const auto definitions = definitions_of(after);
  const auto targets = targets_of(after);
  for (const auto& [kind, name] : steps) {
    switch (kind) {
      case ReloadKind::kAdd:
      case ReloadKind::kReplace: changes.define.push_back(definitions.at(name)); break;
      case ReloadKind::kRemove: changes.remove.push_back(name); break;
      case ReloadKind::kAlias: changes.alias.push_back({name, targets.at(name)}); break;
      case ReloadKind::kUnalias: changes.unalias.push_back(name); break;
      case ReloadKind::kRestart: break;
    }
  }
  return changes;
}

std::string told(std::span<const ReloadStep> steps) {
  std::vector<std::string> parts;
  const auto tell = [&](std::string_view word, std::initializer_list<ReloadKind> kinds) {
    const auto names = names_of(steps, kinds);
    if (!names.empty()) parts.push_back(fmt::format("{}: {}", word, fmt::join(names, ", ")));
  };
  tell("new", {ReloadKind::kAdd});
  tell("changed", {ReloadKind::kReplace});
  tell("gone", {ReloadKind::kRemove});
  tell("aliases", {ReloadKind::kAlias, ReloadKind::kUnalias});
  return parts.empty() ? "nothing has changed" : fmt::format("{}", fmt::join(parts, "; "));
}

std::string told_of_restart(std::span<const ReloadStep> steps) {
  const auto names = names_of(steps, {ReloadKind::kRestart});
  if (names.empty()) return "";
  return fmt::format("{}: hold from the next start on", fmt::join(names, ", "));
}

}  // namespace accel::cli
