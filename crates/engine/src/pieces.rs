//! Lines in buffers of a bounded size: output grows without ever being copied to a larger buffer.
//! Relies on lines being short against a piece.
//! Never splits a line.

/// Octets after which a piece is full. Large enough for one write, small enough to be found again when freed.
const PIECE_BYTES: usize = 1 << 20;

/// Room behind a full piece for the line that fills it.
const SLACK_BYTES: usize = 16 << 10;

/// Lines, in pieces.
#[derive(Debug, Default)]
pub struct Pieces {
    full: Vec<Vec<u8>>,
    open: Vec<u8>,
}

impl Pieces {
    /// Where the next line goes.
    #[inline]
    pub fn line(&mut self) -> &mut Vec<u8> {
        if self.open.len() >= PIECE_BYTES || self.open.capacity() == 0 {
            self.next();
        }
        &mut self.open
    }

    #[cold]
    fn next(&mut self) {
        let open = std::mem::replace(&mut self.open, Vec::with_capacity(PIECE_BYTES + SLACK_BYTES));
        if !open.is_empty() {
            self.full.push(open);
        }
    }

    /// The pieces, in order.
    pub fn into_pieces(mut self) -> Vec<Vec<u8>> {
        if !self.open.is_empty() {
            self.full.push(self.open);
        }
        self.full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_whole_and_in_order() {
        let mut pieces = Pieces::default();
        let line = [b'x'; 1000];
        for _ in 0..5000 {
            pieces.line().extend_from_slice(&line);
        }
        let pieces = pieces.into_pieces();
        assert!(pieces.len() > 4 && pieces.iter().all(|piece| piece.len().is_multiple_of(1000)));
        assert!(pieces.iter().all(|piece| piece.capacity() <= PIECE_BYTES + SLACK_BYTES));
        assert_eq!(pieces.iter().map(Vec::len).sum::<usize>(), 5_000_000);
        assert!(Pieces::default().into_pieces().is_empty());
    }
}
