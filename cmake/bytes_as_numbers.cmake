# Writes the bytes of the file FROM to the file TO as hexadecimal numbers, with commas between.
file(READ ${FROM} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1,\n" numbers "${bytes}")
file(WRITE ${TO} "${numbers}")
