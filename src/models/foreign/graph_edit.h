// Changing a graph that a front end made: what repair.cc and quantize.cc share.
#pragma once

#include <memory>
#include <openvino/core/node.hpp>
#include <set>
#include <string>

namespace accel::models::foreign {

using NodePtr = std::shared_ptr<ov::Node>;
using Value = ov::Output<ov::Node>;
using Users = std::set<ov::Input<ov::Node>>;

// Gives `users`, those of `old` before `value` was made from it, and the names of `old` to `value`.
inline void hand_over(const Value& old, const Users& users, const Value& value) {
  for (ov::Input<ov::Node> user : users) user.replace_source_output(value);
  value.get_node_shared_ptr()->set_friendly_name(old.get_node()->get_friendly_name());
  value.get_tensor().set_names(old.get_names());
  old.get_tensor().set_names({});
}

}  // namespace accel::models::foreign
