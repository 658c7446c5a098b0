// What formatters of models' descriptions do first: wait for them.
#pragma once

#include <string>
#include <utility>

#include "server/endpoint.h"

namespace accel::server {

// The base of a formatter that answers a service::Describe.
class ModelsFormatter : public Formatter {
 public:
  Status take(service::Event event, std::string&) override {
    auto* models = std::get_if<service::ServedModels>(&event);
    if (models == nullptr) return internal_error("expected models, found another event");
    models_ = std::move(*models);
    return {};
  }

 protected:
  service::ServedModels models_;  // when finish() is called
};

}  // namespace accel::server
