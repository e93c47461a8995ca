// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace escalator::log {

/// Narration on stderr; never answers (stdout) and never testimony (journal).
enum class Level { debug, info, warn, error, off };

/// Thread-safe, never throws. Off until this is called; main calls it once.
void set_level(Level level) noexcept;
bool enabled(Level level) noexcept;
/// One line, logfmt style: "step failed host=compute07 step=drain rc=5".
void write(Level level, std::string_view line) noexcept;

template <class... Args>
void emit(Level level, fmt::format_string<Args...> format, Args&&... args) noexcept {
    if (!enabled(level)) return;
    try {
        write(level, fmt::format(format, std::forward<Args>(args)...));
    } catch (...) {
        write(level, "a log line could not be formatted");
    }
}

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) noexcept {
    emit(Level::debug, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) noexcept {
    emit(Level::info, format, std::forward<Args>(args)...);
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) noexcept {
    emit(Level::warn, format, std::forward<Args>(args)...);
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) noexcept {
    emit(Level::error, format, std::forward<Args>(args)...);
}

}  // namespace escalator::log
