#pragma once

#include "signing/key.h"

namespace rhooks::signing {

// The example of the specification, one webhook and its signature in each version
// (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md 1.0.0).
inline constexpr const char* kSpecId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
inline constexpr const char* kSpecTimestamp = "1614265330";
inline constexpr const char* kSpecBody = R"({"test": 2432232314})";
inline constexpr const char* kSpecHmac = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
inline constexpr const char* kSpecHmacSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
inline constexpr const char* kSpecPrivate =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
inline constexpr const char* kSpecPublic = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
inline constexpr const char* kSpecEd25519Signature =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/"
    "enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

}  // namespace rhooks::signing
