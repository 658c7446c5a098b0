// What the head of a server's answer says: an error as a status, or what ran. Pure.
#pragma once

#include <string>

#include "accel/run_report.h"
#include "accel/status.h"
#include "hub/http_caller.h"

namespace accel::client {

// Ok for 200. Else the server's own words and code: of X-Accel-Status, or what HTTP's number
// stands for where another server answers.
Status status_of(const hub::HttpAnswer& answer);

// What X-Accel-Backend, -Device, -Precision, -Fallback and -Simulated say; of another server
// nothing but its name and the model's.
RunReport report_of(const hub::HttpAnswer& answer, const std::string& server,
                    const std::string& model);

}  // namespace accel::client
