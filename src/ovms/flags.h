// The flags of OpenVINO Model Server (OVMS), which have underscores where accel's have hyphens, in
// those of `accel serve`:
//
//   --model_name resnet --model_path /models/resnet --port 9000 --rest_port 8000
//
// become --http 127.0.0.1:8000 --grpc 127.0.0.1:9000, and a model. What stands between them is
// accel's own. Pure; docs/guides/from_ovms.md has the table.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ovms/model_entry.h"

namespace accel::ovms {

struct Translated {
  std::vector<std::string> arguments;        // accel's own, and what others became
  std::string config_path = {};              // of a config.json, or of its folder; empty: none
  std::optional<ModelEntry> model = {};      // of --model_name; not with a config_path
  std::vector<ConfigSetting> settings = {};  // of all models
  // How often files are looked at; 0: never. None: no flag of OVMS was given.
  std::optional<double> look_seconds = {};
  std::string log_level = {};  // as accel/log.h has it
  Notices notices = {};        // one for each flag that has no effect, or another one
};

// Flags behind "--" are no flags. INVALID_ARGUMENT for a flag without its value, with a wrong one,
// or of a name with an underscore that OVMS does not know; UNIMPLEMENTED for what accel cannot do.
Result<Translated> translate_flags(const std::vector<std::string>& arguments);

}  // namespace accel::ovms
