// What `accel serve` is told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/flags.h"
#include "cli/model_flags.h"
#include "cli/reload_plan.h"
#include "cli/served_models.h"
#include "cli/systemd.h"
#include "engine/pulling_service.h"
#include "ovms/flags.h"
#include "server/gate/admission_policy.h"
#include "server/http/tls.h"
#include "server/inputs/input_resolver.h"
#include "server/server.h"

namespace accel::cli {

// What is empty (or -1) was not given.
struct ServeFlags {
  ModelFlags model;
  std::vector<std::string> models;
  std::string http = "127.0.0.1:8000";
  std::string grpc;
  std::string admin;
  std::string aliases;
  std::string allow_pull;
  std::string keys;
  http::TlsOptions tls;
  std::string origins;
  std::string body_max = "64M";
  std::string compress = "remote";
  std::string log_requests;
  std::string log_format = "text";
  std::string trace_to;
  std::string trace_ratio = "1";
  int64_t requests_max = 1024;
  int64_t queue_seconds = 5;
  int64_t timeout_seconds = 60;
  int64_t drain_seconds = 30;
  bool lazy = false;
  bool public_anyway = false;
  ovms::Translated ovms = {};  // what flags of OpenVINO Model Server said beside

  void declare(Flags& flags);
  // Takes over what was translated; before parse().
  void take(ovms::Translated translated);

  // The addresses of --http and, where given, of --grpc and --admin. INVALID_ARGUMENT for what is
  // none; PERMISSION_DENIED for one that other machines reach, unless there are keys and TLS, or
  // --public.
  // "systemd" and "systemd:NAME" are those of `sockets`.
  Result<std::vector<ListenAddress>> addresses(const std::vector<GivenSocket>& sockets) const;
  // The models of the arguments and of the configuration's files, which are read anew. A model of
  // the arguments goes before one of that name in a file. INVALID_ARGUMENT; NOT_FOUND for an alias
  // of nothing.
  Result<ServedSetup> setup() const;
  Result<server::ServerOptions> server_options() const;
  // From where inputs may be named: the configuration's input_hosts and input_files.
  Result<server::InputOptions> input_options() const;
  server::AdmissionLimits limits() const;
  engine::PullingOptions pulling() const;
  Result<double> sampled() const;  // --trace-ratio
  // How often files are looked at, whether they have changed; 0: those of models never.
  double look_seconds() const;

 private:
  void declare_sight(Flags& flags);  // logs and traces
  Status add_arguments(const Config& config, ServedSetup& setup) const;
  Status add_configured(const Config& config, ServedSetup& setup) const;
  Status add_aliases(ServedSetup& setup) const;
};

}  // namespace accel::cli
