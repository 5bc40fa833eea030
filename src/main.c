/* argv to a command; nothing more. */
int main(void)
{
    return 0;
}
