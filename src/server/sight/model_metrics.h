// What a service says of its models, as metrics and as the names that labels may have.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/sight/metric_text.h"
#include "service/inference_service.h"

namespace accel::server {

// Every model that is served, when the service answers at once; else nothing.
std::optional<std::vector<service::ServedModel>> describe_all(service::InferenceService& service);

void append_model_metrics(const std::vector<service::ServedModel>& models, MetricText& text);

// The models by what they may be asked for as. One owner, one thread.
class ServedNames {
 public:
  void take(const std::vector<service::ServedModel>& models);
  // The name of the model that `asked` means: a name, "name:version" or an alias. Empty: none does.
  std::string_view model_of(std::string_view asked) const;

 private:
  std::map<std::string, std::string, std::less<>> names_;
};

}  // namespace accel::server
