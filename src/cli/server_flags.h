// The flags of commands that ask a server, or may have one answer instead of this process.
#pragma once

#include <memory>
#include <string>

#include "accel/status.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "client/remote_model.h"

namespace accel::cli {

struct ServerFlags {
  std::string url;
  std::string key;
  std::string ca_file;
  int64_t timeout_seconds = 300;

  void declare(Flags& flags);
  void declare_connection(Flags& flags);  // all but --server
  bool given() const { return !url.empty(); }
  // Asks nothing yet. A signal ends its calls with CANCELLED where there is an `interrupt`, which
  // outlives them.
  Result<std::shared_ptr<client::ServerClient>> connect(const Interrupt* interrupt) const;
  // The model of that server. `named`: MODEL was given, whatever it is called; else the server's
  // only one is taken. INVALID_ARGUMENT for flags that say how this process loads a model.
  Result<std::unique_ptr<client::RemoteModel>> open(const ModelFlags& model, bool named,
                                                    const Interrupt* interrupt) const;
};

}  // namespace accel::cli
