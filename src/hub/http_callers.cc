#include "hub/http_callers.h"

#include "base/try.h"

namespace accel::hub {

Result<std::unique_ptr<HttpCallers>> HttpCallers::create(HttpCallerOptions options) {
  std::unique_ptr<HttpCallers> callers(new HttpCallers(std::move(options)));
  ACCEL_ASSIGN(auto first, callers->idle_caller());
  callers->idle_.push_back(std::move(first));
  return callers;
}

Result<std::unique_ptr<HttpCaller>> HttpCallers::idle_caller() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto caller = std::move(idle_.back());
      idle_.pop_back();
      return caller;
    }
  }
  return HttpCaller::create(options_);
}

Result<HttpAnswer> HttpCallers::call(const HttpCall& call, const std::function<Status()>& go_on) {
  ACCEL_ASSIGN(auto caller, idle_caller());
  Result<HttpAnswer> answer = caller->call(call, go_on);
  if (answer.ok()) {  // what has failed may have left its connection anywhere
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(caller));
  }
  return answer;
}

}  // namespace accel::hub
