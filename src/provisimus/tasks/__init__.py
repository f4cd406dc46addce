"""Management tasks, one file each: what people do with what runs. They change no definition."""
