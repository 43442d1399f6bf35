//! The boards that there are: the catalogue, a TOML file each in `boards/` whose every figure names
//! its source, and those of a folder of the user's.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::board::{Board, BoardError, place};

const EMBEDDED: [(&str, &str); 37] = [
    ("arduino-due.toml", include_str!("../boards/arduino-due.toml")),
    ("arduino-nano-33-ble.toml", include_str!("../boards/arduino-nano-33-ble.toml")),
    ("arduino-uno-r4.toml", include_str!("../boards/arduino-uno-r4.toml")),
    ("arduino-zero.toml", include_str!("../boards/arduino-zero.toml")),
    ("feather-m4.toml", include_str!("../boards/feather-m4.toml")),
    ("nrf52832.toml", include_str!("../boards/nrf52832.toml")),
    ("nrf52840.toml", include_str!("../boards/nrf52840.toml")),
    ("nrf5340.toml", include_str!("../boards/nrf5340.toml")),
    ("pico.toml", include_str!("../boards/pico.toml")),
    ("pico2.toml", include_str!("../boards/pico2.toml")),
    ("stm32f030r8.toml", include_str!("../boards/stm32f030r8.toml")),
    ("stm32f072rb.toml", include_str!("../boards/stm32f072rb.toml")),
    ("stm32f103c8.toml", include_str!("../boards/stm32f103c8.toml")),
    ("stm32f103rb.toml", include_str!("../boards/stm32f103rb.toml")),
    ("stm32f303k8.toml", include_str!("../boards/stm32f303k8.toml")),
    ("stm32f303re.toml", include_str!("../boards/stm32f303re.toml")),
    ("stm32f401re.toml", include_str!("../boards/stm32f401re.toml")),
    ("stm32f407vg.toml", include_str!("../boards/stm32f407vg.toml")),
    ("stm32f411re.toml", include_str!("../boards/stm32f411re.toml")),
    ("stm32f429zi.toml", include_str!("../boards/stm32f429zi.toml")),
    ("stm32f446re.toml", include_str!("../boards/stm32f446re.toml")),
    ("stm32f746zg.toml", include_str!("../boards/stm32f746zg.toml")),
    ("stm32f767zi.toml", include_str!("../boards/stm32f767zi.toml")),
    ("stm32g071rb.toml", include_str!("../boards/stm32g071rb.toml")),
    ("stm32g0b1re.toml", include_str!("../boards/stm32g0b1re.toml")),
    ("stm32g431kb.toml", include_str!("../boards/stm32g431kb.toml")),
    ("stm32g474re.toml", include_str!("../boards/stm32g474re.toml")),
    ("stm32h743zi.toml", include_str!("../boards/stm32h743zi.toml")),
    ("stm32l053r8.toml", include_str!("../boards/stm32l053r8.toml")),
    ("stm32l073rz.toml", include_str!("../boards/stm32l073rz.toml")),
    ("stm32l152re.toml", include_str!("../boards/stm32l152re.toml")),
    ("stm32l432kc.toml", include_str!("../boards/stm32l432kc.toml")),
    ("stm32l476rg.toml", include_str!("../boards/stm32l476rg.toml")),
    ("stm32l4r5zi.toml", include_str!("../boards/stm32l4r5zi.toml")),
    ("stm32l552ze.toml", include_str!("../boards/stm32l552ze.toml")),
    ("stm32u575zi.toml", include_str!("../boards/stm32u575zi.toml")),
    ("teensy-4.0.toml", include_str!("../boards/teensy-4.0.toml")),
];

impl Board {
    /// Every board of the catalogue, by name.
    pub fn catalogue() -> &'static [Board] {
        static CATALOGUE: OnceLock<Vec<Board>> = OnceLock::new();
        CATALOGUE.get_or_init(|| {
            let parse =
                |(file, text)| Board::parse(text, file).expect("tested: embedded boards parse");
            EMBEDDED.into_iter().map(parse).collect()
        })
    }

    /// The board of the catalogue with this name.
    pub fn named(name: &str) -> Option<&'static Board> {
        Self::catalogue().iter().find(|board| board.name == name)
    }
}

/// The boards that a command may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boards {
    boards: Vec<Board>,
}

impl Default for Boards {
    /// The catalogue.
    fn default() -> Self {
        Self { boards: Board::catalogue().to_vec() }
    }
}

impl Boards {
    /// The catalogue, and a board for each TOML file of a folder.
    ///
    /// # Errors
    /// A folder or file that cannot be read, or holds no board; a board that is refused, or whose
    /// name is another's.
    pub fn with_folder(folder: &Path) -> Result<Self, BoardError> {
        let refuse = |path: &Path, problem: String| BoardError {
            place: path.display().to_string(),
            problem,
        };
        let unreadable = |path: &Path, error: std::io::Error| {
            refuse(path, format!("{error}, expected a folder with a TOML file for each board"))
        };
        let mut files: Vec<PathBuf> = vec![];
        for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                files.push(path);
            }
        }
        files.sort();
        if files.is_empty() {
            let problem = "no .toml file is there, expected one for each board".to_string();
            return Err(refuse(folder, problem));
        }
        let mut boards = Self::default();
        for file in files {
            let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, error))?;
            let name = file.display().to_string();
            let board = Board::parse(&text, &name)?;
            if boards.named(&board.name).is_some() {
                let problem = format!(
                    "name is \"{}\", which is another board's already, expected a name of its own",
                    board.name
                );
                return Err(BoardError { place: place(&name, &text, None, "name"), problem });
            }
            boards.boards.push(board);
        }
        Ok(boards)
    }

    /// With this board, instead of one of the same name.
    pub fn with(mut self, board: Board) -> Self {
        self.boards.retain(|other| other.name != board.name);
        self.boards.push(board);
        self
    }

    /// The board with this name.
    pub fn named(&self, name: &str) -> Option<&Board> {
        self.iter().find(|board| board.name == name)
    }

    /// All of them: first the catalogue's, by name, then the user's, by file.
    pub fn iter(&self) -> impl Iterator<Item = &Board> {
        self.boards.iter()
    }

    /// Their names, in the same order.
    pub fn names(&self) -> Vec<&str> {
        self.iter().map(|board| board.name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_holds_both_boards_of_the_talk() {
        let sizes = |name: &str| {
            let board = Board::named(name).unwrap();
            let sizes = board.regions.iter().map(|region| (region.origin, region.length_bytes));
            (board.clock_hz / 1_000_000, sizes.collect::<Vec<_>>())
        };
        let kib = 1024;
        assert_eq!(
            sizes("stm32l476rg"),
            (80, vec![(0x0800_0000, 1024 * kib), (0x2000_0000, 96 * kib), (0x1000_0000, 32 * kib)])
        );
        assert_eq!(
            sizes("stm32f303k8"),
            (72, vec![(0x0800_0000, 64 * kib), (0x2000_0000, 12 * kib), (0x1000_0000, 4 * kib)])
        );
        assert_eq!(Board::named("stm32f303k8").unwrap().stack, "ccm");
        assert!(Board::named("STM32F303K8").is_none());
    }

    #[test]
    fn every_embedded_board_is_named_after_its_file_and_gives_sources() {
        assert!(EMBEDDED.len() >= 24 && EMBEDDED.is_sorted());
        for (file, text) in EMBEDDED {
            let board = Board::parse(text, file).unwrap();
            assert_eq!(format!("{}.toml", board.name), file);
            let sources = board.regions.iter().map(|region| &region.source);
            for source in sources.chain([&board.clock_source]) {
                let document = ["data sheet", "Datasheet", "Product Specification", "DS", "RM"];
                assert!(document.iter().any(|word| source.contains(word)), "{file}: {source}");
            }
        }
    }

    /// A folder with the Tiny Board's file under other names, `(file, name)`.
    fn folder(boards: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, name) in boards {
            let text = include_str!("../boards/stm32f303k8.toml");
            let text = text.replace("name = \"stm32f303k8\"", &format!("name = \"{name}\""));
            fs::write(folder.path().join(file), text).unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_adds_boards() {
        let folder = folder(&[("b.toml", "first"), ("c.toml", "second"), ("notes.txt", "third")]);
        let boards = Boards::with_folder(folder.path()).unwrap();
        let names = boards.names();
        assert_eq!(names.len(), EMBEDDED.len() + 2);
        assert_eq!(names[EMBEDDED.len()..], ["first", "second"]);
        assert!(boards.named("stm32l476rg").is_some() && boards.named("third").is_none());
    }

    #[test]
    fn a_folder_without_good_boards_is_refused() {
        let refusal = |boards: &[(&str, &str)]| {
            let folder = folder(boards);
            let error = Boards::with_folder(folder.path()).unwrap_err().to_string();
            error.replace(&folder.path().display().to_string(), "DIR")
        };
        insta::assert_snapshot!(refusal(&[]), @"DIR: no .toml file is there, expected one for each board");
        insta::assert_snapshot!(refusal(&[("a.toml", "stm32f407vg")]), @r#"DIR/a.toml:4: name is "stm32f407vg", which is another board's already, expected a name of its own"#);
        insta::assert_snapshot!(refusal(&[("a.toml", "mine"), ("b.toml", "mine")]), @r#"DIR/b.toml:4: name is "mine", which is another board's already, expected a name of its own"#);
        insta::assert_snapshot!(refusal(&[("a.toml", "Mine")]), @r#"DIR/a.toml:4: name is "Mine", expected lower-case letters, digits, - _ and ."#);
        let missing = Boards::with_folder(Path::new("/nowhere")).unwrap_err();
        insta::assert_snapshot!(missing, @"/nowhere: No such file or directory (os error 2), expected a folder with a TOML file for each board");
    }
}
