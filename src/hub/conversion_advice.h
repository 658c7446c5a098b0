// What to type for a converted model that is asked for and not there.
#pragma once

#include <string>

namespace accel::hub {

// The line of `accel convert` that makes what the path means, by the names that it gives
// (models/openvino/NAME/NAME.xml, NAME-openvino-int8, OUT/openvino_model.xml); empty for a path
// that is not called as converted models are. Pure: looks at no file.
std::string conversion_advice(const std::string& path);

}  // namespace accel::hub
