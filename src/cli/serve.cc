// accel serve: models over HTTP.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "accel/model_manager.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/model_flags.h"
#include "cli/served_models.h"
#include "cli/task_input.h"
#include "engine/local_service.h"
#include "server/gate.h"
#include "server/http/http_server.h"
#include "server/server.h"

namespace accel::cli {
namespace {

struct ServeFlags {
  ModelFlags model;
  std::vector<std::string> models;
  std::string http = "127.0.0.1:8000";
  std::string aliases;
  bool lazy = false;
  bool public_without_keys = false;
  int64_t drain_seconds = 30;

  void declare(Flags& flags);
};

void ServeFlags::declare(Flags& flags) {
  flags.arguments("MODEL", &models, 0,
                  "what to serve, as MODEL of accel run has it, or NAME=MODEL; clients call it by "
                  "its name, else by the last part of MODEL; the first one is also called default "
                  "(default: the configuration's models, else the default model)");
  flags.text("--http", "ADDRESS:PORT", &http,
             "where to listen; unix:PATH is a socket file, port 0 lets the system choose (default "
             "127.0.0.1:8000)");
  flags.text("--alias", "NAME=MODEL,...", &aliases,
             "further names: --alias text-embedding-3-small=default lets clients of OpenAI ask as "
             "they are used to");
  flags.flag("--lazy", &lazy,
             "each model is loaded by the first who asks for it, not at the start");
  flags.flag("--public", &public_without_keys,
             "listen where other machines can reach it though there are neither keys nor TLS");
  flags.number("--drain-seconds", &drain_seconds,
               "how long requests under way may take after SIGTERM (default 30)");
  model.declare_options(flags);
  flags.example("accel serve all-MiniLM-L6-v2");
  flags.example(
      "curl localhost:8000/v1/embeddings -d '{\"model\": \"default\", \"input\": \"a text\"}'");
}

// SIGTERM, SIGINT and SIGHUP come to wait() instead of ending the process. Made before any thread.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set_, signal);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  int wait() const {
    int signal = 0;
    while (::sigwait(&set_, &signal) != 0) {
    }
    return signal;
  }
  // From here on they end the process, as an impatient user expects.
  void let_through() const { ::pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_{};
};

class ServeCommand {
 public:
  explicit ServeCommand(ServeFlags flags) : flags_(std::move(flags)) {}

  Status run();

 private:
  Status define_models();
  Status listen();
  Status load_models();
  void drain();
  std::string url() const;

  ServeFlags flags_;
  const Signals signals_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<ModelManager> manager_;
  std::unique_ptr<service::InferenceService> service_;
  std::unique_ptr<server::Gate> gate_;
  std::unique_ptr<server::Server> server_;
  ListenAddress address_;
  std::unique_ptr<http::HttpServer> http_;  // ends first
};

Status ServeCommand::define_models() {
  ACCEL_ASSIGN(const Config config, flags_.model.config());
  ACCEL_ASSIGN(manager_, create_manager(*engine_, config));
  if (flags_.models.empty() && config.models().empty()) flags_.models.emplace_back("default");
  ACCEL_ASSIGN(const std::vector<ServedName> served, served_names(flags_.models));
  for (const ServedName& one : served) {
    flags_.model.model = one.model;
    ACCEL_ASSIGN(const LoadOptions load, flags_.model.options(Use::kRun));
    ACCEL_TRY(engine_->describe(load.path, load.use_optimum).status().with_context(one.name));
    ACCEL_TRY(manager_->define({.name = one.name, .load = load}));
    for (const std::string& alias : one.aliases) ACCEL_TRY(manager_->alias(alias, one.name));
  }
  for (const std::string& text : split_at_commas(flags_.aliases)) {
    ACCEL_ASSIGN(const GivenAlias alias, parse_alias(text));
    ACCEL_TRY(manager_->alias(alias.name, alias.target).with_context("--alias"));
  }
  return {};
}

Status ServeCommand::listen() {
  service_ = engine::make_local_service(*engine_, *manager_);
  gate_ = server::make_open_gate();
  server_ = std::make_unique<server::Server>(
      server::ServerOptions{}, server::ServerParts{.service = *service_, .gate = *gate_});
  ACCEL_ASSIGN(
      http_,
      http::HttpServer::create(
          {}, {{.address = address_.address, .port = address_.port, .handler = server_.get()}}));
  return {};
}

// The server answers meanwhile, but is not ready.
Status ServeCommand::load_models() {
  if (!flags_.lazy) {
    for (const ManagedModel& model : manager_->models()) {
      ACCEL_ASSIGN(const ModelLease lease,
                   manager_->acquire(fmt::format("{}:{}", model.name, model.version)));
      // What it is for; a graph without a task is compiled by the first who asks.
      const Status ready = lease->prepare("");
      if (!ready.ok() && ready.code() != StatusCode::kFailedPrecondition) return ready;
    }
  }
  server_->state().set_ready(true);
  return {};
}

std::string ServeCommand::url() const {
  if (address_.address.starts_with("unix:")) return address_.address;
  const bool bracketed = address_.address.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", bracketed ? "[" : "", address_.address,
                     bracketed ? "]" : "", http_->ports().front());
}

void ServeCommand::drain() {
  server_->state().set_ready(false);
  signals_.let_through();
  if (!http_->drain(static_cast<double>(flags_.drain_seconds))) {
    notice("some requests had not ended in time and were broken off");
  }
}

Status ServeCommand::run() {
  ACCEL_ASSIGN(address_, parse_listen(flags_.http));
  if (!is_loopback(address_.address) && !flags_.public_without_keys) {
    return permission_denied(fmt::format(
        "--http {}: other machines could use the models, without keys and in the clear; "
        "expected an address of this machine, as 127.0.0.1:8000, or --public",
        flags_.http));
  }
  ACCEL_ASSIGN(engine_, flags_.model.make_engine());
  ACCEL_TRY(define_models());
  ACCEL_TRY(listen());
  notice("listening on " + url());
  ACCEL_TRY(load_models());
  std::vector<std::string> names;
  for (const ManagedModel& model : manager_->models()) names.push_back(model.name);
  notice(fmt::format("ready: {}", fmt::join(names, ", ")));
  while (signals_.wait() == SIGHUP) {
  }
  drain();
  return {};
}

}  // namespace

Status run_serve(const Command& command, const Arguments& arguments) {
  ServeFlags given;
  Flags flags(command.name, command.summary);
  given.declare(flags);
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  return ServeCommand(std::move(given)).run();
}

}  // namespace accel::cli
