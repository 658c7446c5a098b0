#include "server/gate.h"

#include <algorithm>

namespace accel::server {
namespace {

class OpenGate : public Gate {
 public:
  std::variant<Admitted, Refusal> admit(const http::RequestHead&, Scope) override {
    return Admitted{};
  }
};

}  // namespace

bool Visitor::may_use(std::string_view model) const {
  const std::string_view unversioned = model.substr(0, model.find(':'));
  return models.empty() || std::ranges::any_of(models, [&](const std::string& one) {
           return one == model || one == unversioned;
         });
}

std::unique_ptr<Gate> make_open_gate() { return std::make_unique<OpenGate>(); }

}  // namespace accel::server
