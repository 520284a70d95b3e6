// The documents of the embedded store. A write call is: hold the mutex; look at what is there; one
// synced write.

#include <algorithm>
#include <memory>

#include "codec/stored.h"
#include "store/rocks/keys.h"
#include "store/rocks/store_impl.h"

namespace rhooks::store::rocks {
namespace {

Result<std::optional<Revision>> revision_in(const DocumentKey& key,
                                            const std::optional<std::string>& stored) {
  if (!stored) return std::optional<Revision>();
  const auto document = codec::decode_document(key, *stored);
  if (!document) return fail(document.error());
  return std::optional(document->revision);
}

}  // namespace

Result<std::optional<std::string>> RocksStore::read_document(const std::string& key) {
  std::string bytes;
  const rocksdb::Status status = uninterrupted(
      [&] { return db().Get(rocksdb::ReadOptions(), family(Family::kDocuments), key, &bytes); });
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return fail(database_->translate(status, "reading a document"));
  return std::optional(std::move(bytes));
}

Result<Revision> RocksStore::do_put_document(const Document& document, const Replaces& replaces,
                                             TimePoint now) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  const std::string key = document_key(document.key);
  MutexLock lock(documents_mutex_);
  if (!std::holds_alternative<Whatever>(replaces)) {
    const auto stored = read_document(key);
    if (!stored) return fail(stored.error());
    const auto found = revision_in(document.key, *stored);
    if (!found) return fail(found.error());
    if (auto refused = why_refused(document.key, replaces, *found)) return fail(*refused);
  }
  const StoredDocument written{document, tokens_.v7(now), now};
  rocksdb::WriteBatch batch;
  (void)batch.Put(family(Family::kDocuments), key, codec::encode_document(written));
  if (auto done = database_->write(batch); !done) return fail(done.error());
  return written.revision;
}

Result<StoredDocument> RocksStore::do_get_document(const DocumentKey& key) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  const auto stored = read_document(document_key(key));
  if (!stored) return fail(stored.error());
  if (!*stored) return fail(no_document(key));
  return codec::decode_document(key, **stored);
}

// One that cannot be read is removed like any other, unless it must have a revision.
Result<void> RocksStore::do_remove_document(const DocumentKey& key,
                                            const std::optional<Revision>& revision) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  const std::string bytes = document_key(key);
  MutexLock lock(documents_mutex_);
  const auto stored = read_document(bytes);
  if (!stored) return fail(stored.error());
  if (!*stored) return fail(no_document(key));
  if (revision) {
    const auto found = revision_in(key, *stored);
    if (!found) return fail(found.error());
    if (auto refused = why_refused(key, *revision, *found)) return fail(*refused);
  }
  rocksdb::WriteBatch batch;
  (void)batch.Delete(family(Family::kDocuments), bytes);
  return database_->write(batch);
}

Result<DocumentPage> RocksStore::do_list_documents(const DocumentQuery& query) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  const std::string prefix =
      query.ns ? document_key({query.kind, *query.ns, query.name_prefix}) : name(query.kind);
  std::string from = prefix;
  if (query.after) {
    from = std::max(from, document_key({query.kind, query.after->ns, query.after->name}) + '\0');
  }
  const std::unique_ptr<rocksdb::Iterator> it(
      db().NewIterator(rocksdb::ReadOptions(), family(Family::kDocuments)));
  DocumentPageBuilder page(query.limit, options_.page_bytes_max);
  for (it->Seek(from); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    if (page.full()) return page.take(true);
    const auto key = parse_document_key(it->key().ToStringView());
    if (!key) return fail(ErrorCode::kCorrupt, "a stored document has a key of no document");
    auto document = codec::decode_document(*key, it->value().ToStringView());
    if (document) {
      page.add(std::move(*document));
    } else {
      page.add_damaged(*key);
    }
  }
  if (!it->status().ok()) return fail(database_->translate(it->status(), "reading documents"));
  return page.take(false);
}

}  // namespace rhooks::store::rocks
