#pragma once

#include <memory>

#include "secrets/open_secret.h"

namespace rhooks::secrets {

// What an endpoint has its requests sent with. Its secrets stay as they are while it is used.
struct Credentials {
  std::shared_ptr<const OpenSecret> signing;  // they are signed by it; null: they are not signed
  std::shared_ptr<const OpenSecret> auth;     // they have its Authorization; null: none
};

}  // namespace rhooks::secrets
