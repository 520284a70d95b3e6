#pragma once

#include <atomic>
#include <cstddef>

#include "testing/forwarding_store.h"

namespace rhooks::testing {

// Another store whose queries look at few tasks: a page ends after `rows_max` of them, whatever
// matched, as pages of a large namespace do. Does not own the other store.
class ShortPages : public ForwardingStore {
 public:
  ShortPages(store::Store& inner, std::size_t rows_max)
      : ForwardingStore(inner), rows_max_(rows_max) {}

  // How many tasks queries have looked at.
  std::size_t rows() const { return rows_; }

 private:
  Result<store::TaskPage> do_query_tasks(const store::TaskQuery& query) override {
    store::TaskQuery all = query;
    all.status.reset();
    all.from.reset();
    all.to.reset();
    all.limit = rows_max_;
    auto looked_at = ForwardingStore::do_query_tasks(all);
    if (!looked_at) return looked_at;
    store::TaskPage page;
    for (Task& task : looked_at->items) {
      if (page.items.size() == query.limit) {
        const Task& last = page.items.back();
        page.next = store::TaskPosition{last.scheduled_date, last.key.id};
        return page;
      }
      ++rows_;
      if (matches(query, task)) page.items.push_back(std::move(task));
    }
    page.next = std::move(looked_at->next);
    return page;
  }

  static bool matches(const store::TaskQuery& query, const Task& task) {
    return (!query.status || task.status == *query.status) &&
           (!query.from || task.scheduled_date >= *query.from) &&
           (!query.to || task.scheduled_date <= *query.to);
  }

  const std::size_t rows_max_;
  std::atomic<std::size_t> rows_{0};
};

}  // namespace rhooks::testing
