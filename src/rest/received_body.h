#pragma once

// Private to http_session.*: it includes Boost.Beast.

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <cstdint>
#include <string>

namespace rhooks::rest {

// A body in a string that grows as bytes arrive. Beast's string_body sets the whole
// Content-Length aside at once: memory that a client then claims without sending anything.
struct ReceivedBody {
  using value_type = std::string;

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(boost::beast::http::header<is_request, Fields>&, value_type& body) : body_(body) {}

    void init(const auto& length, boost::system::error_code& ec) {
      ec = {};
      if (length) length_ = static_cast<std::size_t>(*length);
    }

    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& ec) {
      ec = {};
      std::size_t bytes = 0;
      for (auto it = boost::asio::buffer_sequence_begin(buffers);
           it != boost::asio::buffer_sequence_end(buffers); ++it) {
        const boost::asio::const_buffer part(*it);
        // Doubled like any string, but not past the length where that is known.
        const std::size_t needed = body_.size() + part.size();
        if (needed > body_.capacity()) {
          body_.reserve(std::max(needed, std::min(2 * body_.capacity(), length_)));
        }
        body_.append(static_cast<const char*>(part.data()), part.size());
        bytes += part.size();
      }
      return bytes;
    }

    void finish(boost::system::error_code& ec) { ec = {}; }

   private:
    value_type& body_;
    std::size_t length_ = static_cast<std::size_t>(-1);
  };
};

}  // namespace rhooks::rest
