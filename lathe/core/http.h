#pragma once
#include <string>
#include <vector>

namespace lathe::core {

struct HttpOptions {
  double timeout_seconds = 60;                    // of the whole exchange
  std::vector<std::string> headers = {};          // "Authorization: Bearer …"; errors never quote them
  std::string content_type = "application/json";  // of what is posted
  size_t max_response_bytes = size_t{64} << 20;
};

struct HttpResponse {
  int status = 0;  // 200, 404, …: an answer, whatever it says
  std::string body;
};

// One exchange over http:// or https:// (libcurl; certificates are verified, redirects are not followed,
// proxies are those of the environment). Throw InputError for what is no such URL, and Error when no answer
// came: no connection, a time-out, an answer larger than allowed. Errors name the URL without user, password,
// and query.
HttpResponse http_get(const std::string& url, const HttpOptions& options = {});
HttpResponse http_post(const std::string& url, const std::string& body, const HttpOptions& options = {});

}  // namespace lathe::core
