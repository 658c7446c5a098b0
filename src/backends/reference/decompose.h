// Operations that the core library cannot evaluate, rewritten into ones that it can.
#pragma once

#include "accel/status.h"

namespace ov {
class Model;
}

namespace accel::backend {

// Rewrites `model` in place until every node has an evaluate. Constants stay as they are: nothing
// is folded or copied. UNIMPLEMENTED naming every node that is left over, with its operation:
// operations without a rule, forms that their rule does not cover (an einsum with an ellipsis or a
// repeated label, attention with sinks), state and control flow. May throw the engine's exceptions.
Status make_evaluable(ov::Model& model);

}  // namespace accel::backend
