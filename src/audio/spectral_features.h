// General features of a sound, for models that no preprocessor_config.json describes: librosa's
// spectrogram, mel spectrogram and MFCC with librosa's defaults.
//
//   ACCEL_ASSIGN(const SpectralType type, parse_spectral_type("mfcc"));
//   ACCEL_ASSIGN(const Tensor features, spectral_features(audio, {.type = type}));
#pragma once

#include <cstdint>
#include <string_view>

#include "accel/status.h"
#include "accel/tensor.h"
#include "audio/audio.h"

namespace accel::audio {

// Each is made from the one before. Frames are centred on every hop_length-th sample, with zeros
// before and after the sound, Hann's periodic window and n_fft samples.
enum class SpectralType : uint8_t {
  kSpectrogram,     // "spectrogram": power, [n_fft / 2 + 1, frames]; feature_size is not looked at
  kMelSpectrogram,  // "mel_spectrogram": filter-bank energies on Slaney's scale from 0 Hz to half
                    // the rate, triangles of equal energy, [feature_size, frames]
  kLogMel,          // "log_mel_spectrogram": the same in decibels below the loudest, at most 80
  kMfcc,            // "mfcc": of mel_bins energies in decibels (of full scale, the 80 below the
                    // loudest) the first feature_size numbers of the orthonormal DCT-II
};

std::string_view to_string(SpectralType type);
// INVALID_ARGUMENT with the list for another name.
Result<SpectralType> parse_spectral_type(std::string_view name);

struct SpectralOptions {
  SpectralType type = SpectralType::kLogMel;
  int64_t feature_size = 80;  // mel bands, or coefficients of kMfcc; up to 1024
  int64_t n_fft = 1024;       // a product of 2, 3, 5 and 7, up to 16,384
  int64_t hop_length = 512;
  int64_t mel_bins = 128;  // of kMfcc only, at least feature_size, up to 1024
  // Brings all numbers together to mean 0 and deviation 1 (after adding 1e-6 to it).
  bool normalize = true;
};

// f32, with 1 + samples / hop_length frames. INVALID_ARGUMENT for options that do not fit and for
// no samples or such beyond kSampleMax; RESOURCE_EXHAUSTED for more than 2^28 numbers.
Result<Tensor> spectral_features(const Audio& audio, const SpectralOptions& options = {});

}  // namespace accel::audio
