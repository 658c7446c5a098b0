// Looking through folders that others change meanwhile: what cannot be read is passed over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace accel::hub {

bool is_folder(const std::filesystem::path& path);
bool is_file(const std::filesystem::path& path);

// Bytes of a file, 0 when there is none.
uint64_t file_bytes(const std::filesystem::path& path);

// The folders in `folder`, sorted; links to folders too.
std::vector<std::filesystem::path> folders_in(const std::filesystem::path& folder);

// Everything below `folder` that is no folder, links among them, sorted. Links to folders are not
// followed. At most 200,000.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder);

}  // namespace accel::hub
