// The stages of an item's time, as metrics and spans name them.
#pragma once

#include <array>
#include <string_view>

#include "accel/submission.h"

namespace accel::server {

struct ItemStage {
  std::string_view name;
  double ItemTimes::*ms;
};

// One after another.
inline constexpr std::array<ItemStage, 4> kItemStages{{{"prepare", &ItemTimes::prepare},
                                                       {"queue", &ItemTimes::queue},
                                                       {"infer", &ItemTimes::infer},
                                                       {"finish", &ItemTimes::finish}}};

}  // namespace accel::server
