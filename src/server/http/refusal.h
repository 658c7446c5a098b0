// Why a request is refused by the server itself, before or instead of whoever would answer it.
#pragma once

#include <string>

#include "server/http/message.h"

namespace accel::http {

struct Refusal {
  int status = 0;        // 0: it is not refused
  std::string why = {};  // a sentence
  Headers headers = {};  // beside those of Handler::refuse()
};

}  // namespace accel::http
