#include "models/foreign/roles.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/try.h"
#include "tensors/shown.h"

namespace accel::models::foreign {
namespace {

using tensors::shown;

struct RoleRow {
  std::string_view role;
  std::array<std::string_view, 7> others;  // names that are used for it
};

constexpr std::array<RoleRow, 8> kInputRoles{{
    {"input_ids", {"ids", "tokens", "token_ids", "input_tokens", "input_word_ids", "inputs"}},
    {"attention_mask", {"mask", "input_mask", "attn_mask", "input_attention_mask"}},
    {"token_type_ids", {"segment_ids", "input_type_ids", "type_ids", "input_segment_ids"}},
    {"position_ids", {"positions", "input_positions"}},
    {"pixel_values", {"pixels", "image", "images", "input_image", "inputs", "input", "x"}},
    {"input_values",
     {"input_features", "audio", "speech", "waveform", "samples", "inputs", "input"}},
    {"input_features",
     {"input_values", "features", "mel", "log_mel", "spectrogram", "inputs", "input"}},
    {"pixel_mask", {"mask"}},
}};

constexpr std::array<RoleRow, 6> kOutputRoles{{
    {"last_hidden_state",
     {"token_embeddings", "hidden_state", "sequence_output", "last_hidden_states",
      "encoder_output"}},
    {"pooler_output", {"pooled_output", "pooler"}},
    {"logits", {"scores", "predictions"}},
    {"start_logits", {"start", "start_scores"}},
    {"end_logits", {"end", "end_scores"}},
    {"pred_boxes", {"boxes"}},
}};

constexpr std::array<std::string_view, 3> kSentenceNames{"sentence_embedding",
                                                         "sentence_embeddings", "embeddings"};

// "serving_default_input_ids:0" and "StatefulPartitionedCall:0" without what the framework adds.
std::string_view plain_name(std::string_view name) {
  constexpr std::string_view kServing = "serving_default_";
  if (name.starts_with(kServing)) name.remove_prefix(kServing.size());
  const size_t colon = name.rfind(':');
  const bool numbered = colon != std::string_view::npos && colon + 1 < name.size() &&
                        name.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return numbered ? name.substr(0, colon) : name;
}

template <size_t kRows>
bool stands_for(const std::array<RoleRow, kRows>& rows, std::string_view name,
                std::string_view role) {
  const auto row = std::ranges::find(rows, role, &RoleRow::role);
  return row != rows.end() && std::ranges::find(row->others, name) != row->others.end();
}

// Whether the name says what the input is, so that it cannot be another one.
bool is_input_name(std::string_view name) {
  return std::ranges::any_of(kInputRoles, [&](const RoleRow& row) {
    return row.role == name || std::ranges::find(row.others, name) != row.others.end();
  });
}

bool same_kind(const GraphPort& port, const InputSpec& spec) {
  return is_integer(port.dtype) == is_integer(spec.dtype) && port.shape.size() == spec.shape.size();
}

// Which of `specs` each port is; none: not known yet.
std::vector<std::optional<size_t>> find_roles(const std::vector<GraphPort>& ports,
                                              std::span<const InputSpec> specs) {
  std::vector<std::optional<size_t>> roles(ports.size());
  const auto taken = [&](size_t spec) {
    return std::ranges::find(roles, std::optional(spec)) != roles.end();
  };
  const auto give = [&](const auto& fits) {
    for (size_t port = 0; port < ports.size(); ++port) {
      for (size_t spec = 0; spec < specs.size() && !roles[port]; ++spec) {
        if (!taken(spec) && fits(ports[port], specs[spec])) roles[port] = spec;
      }
    }
  };
  give([](const GraphPort& port, const InputSpec& spec) {
    return plain_name(port.name) == spec.name;
  });
  give([](const GraphPort& port, const InputSpec& spec) {
    return same_kind(port, spec) && stands_for(kInputRoles, plain_name(port.name), spec.name);
  });
  // The only one left, for the only one that cannot be missing.
  std::vector<size_t> free_ports;
  std::vector<size_t> free_specs;
  for (size_t port = 0; port < ports.size(); ++port) {
    if (!roles[port]) free_ports.push_back(port);
  }
  for (size_t spec = 0; spec < specs.size(); ++spec) {
    if (!taken(spec) && specs[spec].needed == Needed::kAlways) free_specs.push_back(spec);
  }
  if (free_ports.size() == 1 && free_specs.size() == 1 &&
      !is_input_name(plain_name(ports[free_ports.front()].name)) &&
      same_kind(ports[free_ports.front()], specs[free_specs.front()])) {
    roles[free_ports.front()] = free_specs.front();
  }
  return roles;
}

// Of every dimension the one that is not free; none: they contradict each other.
std::optional<Shape> narrower(const Shape& graph, const Shape& family) {
  if (graph.size() != family.size()) return std::nullopt;
  Shape shape = graph;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 0) shape[i] = family[i];
    if (family[i] >= 0 && shape[i] != family[i]) return std::nullopt;
  }
  return shape;
}

std::string describe(std::span<const InputSpec> specs) {
  std::vector<std::string> parts;
  for (const InputSpec& spec : specs) {
    parts.push_back(fmt::format("{} {}{}", spec.name, accel::to_string(spec.dtype),
                                accel::to_string(spec.shape)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

// What a head has besides what every graph may have.
std::vector<std::string_view> needed_outputs(Head head) {
  switch (head) {
    case Head::kBase: return {"last_hidden_state"};
    case Head::kQuestionAnswering: return {"start_logits", "end_logits"};
    case Head::kObjectDetection: return {"logits", "pred_boxes"};
    case Head::kZeroShotImage: return {"logits_per_image", "logits_per_text"};
    default: return {"logits"};
  }
}

std::vector<std::string_view> possible_outputs(Head head) {
  std::vector<std::string_view> names = needed_outputs(head);
  if (head == Head::kBase) names.emplace_back("pooler_output");
  return names;
}

bool is_reference_name(std::string_view name) {
  const bool known = std::ranges::any_of(kOutputRoles, [&](const RoleRow& row) {
    return row.role == name || std::ranges::find(row.others, name) != row.others.end();
  });
  return known || std::ranges::find(kSentenceNames, name) != kSentenceNames.end();
}

size_t rank_of(Head head) {
  switch (head) {
    case Head::kSequenceClassification:
    case Head::kImageClassification:
    case Head::kAudioClassification:
    case Head::kMultipleChoice: return 2;
    case Head::kSemanticSegmentation: return 4;
    default: return 3;
  }
}

}  // namespace

std::string describe(const GraphPort& port) {
  return fmt::format("{} {}{}", shown(port.name), accel::to_string(port.dtype),
                     accel::to_string(port.shape));
}

std::string describe(const std::vector<GraphPort>& ports) {
  std::vector<std::string> parts;
  for (const GraphPort& port : ports) parts.push_back(describe(port));
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "));
}

std::optional<int64_t> filling(std::string_view role) {
  if (role == "attention_mask" || role == "pixel_mask") return 1;
  if (role == "token_type_ids") return 0;
  return std::nullopt;
}

std::string_view filled_like(const InputSpec& spec) {
  return spec.name == "pixel_mask" ? "pixel_values" : spec.like;
}

Result<std::vector<MappedInput>> map_inputs(const std::vector<GraphPort>& ports,
                                            std::span<const InputSpec> specs) {
  const std::vector<std::optional<size_t>> roles = find_roles(ports, specs);
  std::vector<MappedInput> mapped;
  std::vector<std::string> problems;
  for (size_t port = 0; port < ports.size(); ++port) {
    if (!roles[port]) {
      problems.push_back(fmt::format("the graph's input {} has no role", describe(ports[port])));
      continue;
    }
    MappedInput input{port, specs[*roles[port]]};
    const std::optional<Shape> shape = narrower(ports[port].shape, input.spec.shape);
    if (!shape || is_integer(ports[port].dtype) != is_integer(input.spec.dtype)) {
      problems.push_back(fmt::format(
          "the graph's input {} does not fit {} {}{}", describe(ports[port]), input.spec.name,
          accel::to_string(input.spec.dtype), accel::to_string(input.spec.shape)));
      continue;
    }
    input.spec.shape = *shape;
    const bool fills = filling(input.spec.name) && !filled_like(input.spec).empty();
    if (!fills) input.spec.needed = Needed::kAlways;
    mapped.push_back(std::move(input));
  }
  for (size_t spec = 0; spec < specs.size(); ++spec) {
    const bool found = std::ranges::find(roles, std::optional(spec)) != roles.end();
    if (!found && specs[spec].needed == Needed::kAlways) {
      problems.push_back(fmt::format("no input of the graph is {}", specs[spec].name));
    }
  }
  if (problems.empty()) return mapped;
  return invalid_argument(
      fmt::format("{}; the graph has {}, its family {}; rename the graph's inputs, or remove "
                  "config.json to use the graph under its own names",
                  fmt::join(problems, ", "), describe(ports), describe(specs)));
}

Result<std::vector<std::string>> name_outputs(const std::vector<GraphPort>& ports, Head head) {
  std::vector<std::string> names(ports.size());
  std::vector<std::string_view> missing;
  const std::vector<std::string_view> needed = needed_outputs(head);
  for (const std::string_view role : possible_outputs(head)) {
    auto found = std::ranges::find_if(
        ports, [&](const GraphPort& port) { return plain_name(port.name) == role; });
    if (found == ports.end()) {
      found = std::ranges::find_if(ports, [&](const GraphPort& port) {
        return stands_for(kOutputRoles, plain_name(port.name), role);
      });
    }
    if (found != ports.end()) {
      names[static_cast<size_t>(found - ports.begin())] = role;
    } else if (std::ranges::find(needed, role) != needed.end()) {
      missing.push_back(role);
    }
  }
  // The only output, under a name that says nothing, of the right rank.
  if (missing.size() == 1 && needed.size() == 1 && ports.size() == 1 &&
      !is_reference_name(plain_name(ports.front().name)) &&
      ports.front().shape.size() == rank_of(head)) {
    names.front() = missing.front();
    missing.clear();
  }
  if (!missing.empty()) {
    return invalid_argument(fmt::format(
        "no output of the graph is {}, which {} needs; it has {}; export it for that task, or name "
        "another one with --task",
        fmt::join(missing, " or "), models::to_string(head), describe(ports)));
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    if (names[i].empty()) names[i] = ports[i].name;
  }
  return names;
}

Result<Head> fitting_head(const std::vector<GraphPort>& ports, Head wanted) {
  const Status named = name_outputs(ports, wanted).status();
  if (named.ok()) return wanted;
  const bool base = name_outputs(ports, Head::kBase).ok() || sentence_output(ports);
  return base ? Result<Head>(Head::kBase) : Result<Head>(named);
}

std::optional<size_t> sentence_output(const std::vector<GraphPort>& ports) {
  const auto found = std::ranges::find_if(ports, [](const GraphPort& port) {
    return port.shape.size() == 2 &&
           std::ranges::find(kSentenceNames, plain_name(port.name)) != kSentenceNames.end();
  });
  return found == ports.end() ? std::nullopt
                              : std::optional(static_cast<size_t>(found - ports.begin()));
}

}  // namespace accel::models::foreign
