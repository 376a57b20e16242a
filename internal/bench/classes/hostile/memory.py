hog = []
while True:
    hog.append(bytearray(b"x" * (16 << 20)))
