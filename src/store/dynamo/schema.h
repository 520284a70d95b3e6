#pragma once

#include <string>
#include <string_view>

// The names in the tables. docs/dynamodb.md explains the design.
//
// tasks   ns (S), id (S): the task's key
//   index due   sh (N), due (N): shard and due time in epoch ms; ACTIVE tasks, and those with an
//               `ob` (others have no `due`). With rc.
//   index nsd   ns (S), sd (S): "2026-01-31T12:34:56.789Z#id", so that the order and a page's
//               position are exact where dates are equal. With st.
//   attributes  sh due sd st (status), rc (B, 8 bytes: the receiver of model::Flow; or 16: and the
//               endpoint), rev (B, 16 bytes: changes with every change, and is the lease's token
//               while there is a lease), lu (N: the lease lives until then, epoch ms; absent: no
//               lease), wl (B, 16 bytes: the life of the worker that has the lease, which ends it
//               as well; absent: of none that others know), sp (B: what was registered,
//               codec::encode_spec) or pl (S: where that lies, see below), sv (B: what attempts
//               change, codec::encode_state), ttl (N: epoch s, TimeToLive; only of those that
//               expire), ob (B: what follows from the latest outcome and may not be stored yet,
//               outbox.h; the task is `due` then, whatever its state), ou (B: an `ob` that could
//               not be read, kept as it was)
// logs    ns (S), id (S): "2026-01-31T12:34:56.789Z#logid", the start of the attempt
//   index fail  fl (S: the namespace, failed attempts only), id (S). Keys only.
//   attributes  fl, tk (S: the task's id), lg (B: codec::encode_log), ttl (N: epoch s, TimeToLive)
//
// No user's namespace begins with a control character. In `tasks` those that do are the
// store's own:
//   kPayloads + namespace, id = a UUID: {sp, ttl}, of a task whose spec would push its item over
//   1 KB
//   kNamespaces, id = a namespace: {}, put before the first task of it and never deleted
//   kDocuments + kind, id = namespace, kNamespaceEnd, name: {rev (B, 16 bytes: the revision), dv
//   (B: codec::encode_document)}, a document. They sort as documents do, since no name has a
//   control character.
//
//   kControl, id = "meta" | "shard#07" | "worker#UUID": how the tables were made, who works
//   (membership_table.h)
namespace rhooks::store::dynamo {

inline constexpr std::string_view kPayloads = "\x1fpayload:";
inline constexpr std::string_view kNamespaces = "\x1fnamespaces";
inline constexpr std::string_view kDocuments =
    "\x1f"
    "documents:";
inline constexpr char kNamespaceEnd = '\x1f';
inline constexpr std::string_view kControl = "\x1frhooks";

inline constexpr std::string_view kDueIndex = "due";
inline constexpr std::string_view kDateIndex = "nsd";
inline constexpr std::string_view kFailureIndex = "fail";

struct Tables {
  std::string tasks = "rhooks-tasks";
  std::string logs = "rhooks-logs";
};

inline constexpr int kShardsDefault = 16;
inline constexpr int kShardsMax = 256;

}  // namespace rhooks::store::dynamo
