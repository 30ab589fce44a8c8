//! The pictures of the tray: embedded PNGs of `icons/tray/`, unpacked to the pixels that desktops take.

use super::menu::Picture;

/// Pixels, row by row from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pixels {
    pub(super) size: u32,
    /// Red, green, blue, opacity of each pixel; colour is not multiplied by opacity.
    pub(super) rgba: Vec<u8>,
}

macro_rules! pictures {
    ($($variant:ident = $name:literal,)*) => {
        /// The picture in every size there is, as PNG, smallest first.
        fn pngs(picture: Picture) -> [&'static [u8]; 4] {
            match picture {
                $(Picture::$variant => [
                    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/tray/", $name, "-22.png")),
                    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/tray/", $name, "-24.png")),
                    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/tray/", $name, "-44.png")),
                    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/tray/", $name, "-48.png")),
                ],)*
            }
        }

        #[cfg(test)]
        const ALL: &[(Picture, &str)] = &[$((Picture::$variant, $name),)*];
    };
}

pictures! {
    Rest = "rest",
    Unread = "unread",
    Paused = "paused",
    Offline = "offline",
    Attention = "attention",
}

/// The picture in every size there is: 22, 24 and twice that.
pub(super) fn sizes(picture: Picture) -> Vec<Pixels> {
    pngs(picture)
        .into_iter()
        .filter_map(|png| match unpack(png) {
            Ok(pixels) => Some(pixels),
            Err(error) => {
                tracing::warn!(%error, ?picture, "a picture of the tray is unreadable; please report this");
                None
            }
        })
        .collect()
}

fn unpack(png: &[u8]) -> Result<Pixels, png::DecodingError> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info()?;
    let mut rgba = vec![0; reader.output_buffer_size().unwrap_or_default()];
    let frame = reader.next_frame(&mut rgba)?;
    rgba.truncate(frame.buffer_size());
    Ok(Pixels { size: frame.width, rgba })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_picture_has_four_sizes_and_its_drawing() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("icons/tray");
        for (picture, name) in ALL {
            assert!(folder.join(format!("{name}.svg")).is_file(), "{name}");
            let sizes = sizes(*picture);
            assert_eq!(
                sizes.iter().map(|pixels| pixels.size).collect::<Vec<_>>(),
                [22, 24, 44, 48],
                "{name}"
            );
            for pixels in sizes {
                assert_eq!(
                    pixels.rgba.len() as u32,
                    pixels.size * pixels.size * 4,
                    "{name} is RGBA with 8 bits"
                );
                assert_eq!(pixels.rgba[3], 0, "{name} has a transparent corner");
            }
        }
    }

    /// Which pixels are dark, light or not there, without their colour.
    fn shape(picture: Picture) -> Vec<u8> {
        let sizes = sizes(picture);
        sizes[0]
            .rgba
            .chunks(4)
            .map(|pixel| {
                let light = pixel[..3].iter().map(|part| u32::from(*part)).sum::<u32>() / 3;
                if pixel[3] < 128 {
                    0
                } else if light < 128 {
                    1
                } else {
                    2
                }
            })
            .collect()
    }

    #[test]
    fn states_differ_by_shape_and_not_only_by_colour() {
        for (first, one) in ALL {
            for (second, other) in ALL.iter().filter(|(second, _)| second != first) {
                let differing = shape(*first).iter().zip(shape(*second)).filter(|(a, b)| **a != *b).count();
                assert!(differing >= 12, "{one} and {other} differ in {differing} of 484 pixels");
            }
        }
    }
}
